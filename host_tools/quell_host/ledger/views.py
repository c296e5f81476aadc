# SPDX-License-Identifier: MIT
"""The documented views (host_tools/docs/ledger.md): what may be read by other programs.

Their columns are kept; the tables behind them may change.
"""

VIEWS: dict[str, str] = {
    "v_records": """
        SELECT r.alias, a.purpose_name AS purpose, r.seq,
               strftime('%Y-%m-%dT%H:%M:%SZ', r.time_s, 'unixepoch') AS time,
               CASE r.trust WHEN 0 THEN 'none' WHEN 1 THEN 'own clock' ELSE 'authenticated' END
                   AS trust,
               CASE WHEN r.trust = 0 THEN r.boot END AS boot, r.uptime_s,
               r.epoch, r.fields,
               strftime('%Y-%m-%dT%H:%M:%SZ', r.received_s, 'unixepoch') AS received,
               strftime('%Y-%m-%dT%H:%M:%SZ', r.expires_s, 'unixepoch') AS expires
        FROM records r JOIN aliases a ON a.alias = r.alias
    """,
    "v_devices": """
        SELECT d.device, d.label, d.region, d.instance, d.policy_hash,
               p.name AS policy, p.version AS policy_version, d.agent_version, d.boot,
               strftime('%Y-%m-%dT%H:%M:%SZ', d.provisioned_s, 'unixepoch') AS provisioned,
               strftime('%Y-%m-%dT%H:%M:%SZ', d.last_seen_s, 'unixepoch') AS last_seen
        FROM devices d LEFT JOIN policies p ON p.hash = d.policy_hash
    """,
    "v_consent": """
        SELECT s.device, s.purpose AS purpose_id, pp.name AS purpose, pp.basis,
               s.status, s.generation, s.instance, s.digest,
               strftime('%Y-%m-%dT%H:%M:%SZ', s.changed_s, 'unixepoch') AS changed
        FROM purpose_states s
        JOIN devices d ON d.device = s.device
        LEFT JOIN policy_purposes pp ON pp.hash = d.policy_hash AND pp.purpose = s.purpose
    """,
}
"""SELECT statement by name of the view."""
