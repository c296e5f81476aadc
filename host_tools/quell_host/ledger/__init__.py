# SPDX-License-Identifier: MIT
"""The ledger: one SQLite database that maps device ids, wraps their keys and holds the data.

Modules are functions over a connection of `database.Ledger`; each transaction is one fact.
"""
