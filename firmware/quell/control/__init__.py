"""CONTROL: command, verify, apply, purge, receipt. One file per stage; control_path.py joins them."""
