# SPDX-License-Identifier: MIT
"""decide: which purposes may have which fields of an event. Default deny; touches nothing but counters.

No policy, an expired one, no consent, a field that nothing lists: no record, and a count.
"""

from quell.counters import MISSING_REQUIRED, NO_POLICY, POLICY_EXPIRED, UNKNOWN_FIELD


def refusal(policy, consent, purpose, floor_s):
    """0 if `purpose` may collect and send now, else the reason. Asked at decide and again at uplink.

    `floor_s`: lower bound of the time now; the policy's end is judged by it, late rather than early.
    """
    if policy is None:
        return NO_POLICY
    if floor_s >= policy.expires_s:
        return POLICY_EXPIRED
    return consent.refusal(purpose)


def allowed(policy, consent, floor_s):
    """Ids of the purposes that may collect now."""
    if policy is None:
        return ()
    return [p.id for p in policy.purposes if refusal(policy, consent, p, floor_s) == 0]


def decide(event, policy, allowed_ids, counters):
    """The records that an event may become: yields (purpose, [(field, raw value)…]), fields by rising id.

    An event for one purpose (a sample, an emitted record) becomes at most one record; a log line or an
    exception one for every purpose that lists a field of it.
    """
    if event.purpose_id is not None:
        purposes = [policy.by_id[event.purpose_id]]
    else:
        purposes = policy.purposes
    for purpose in purposes:
        if purpose.id not in allowed_ids:
            continue
        pairs = []
        missing = False
        for field in policy.fields_of(purpose.id):
            value = event.values.get(field.key)
            if value is not None:
                pairs.append((field, value))
            elif field.required and _belongs(field, event):
                missing = True
        if missing:
            counters.add(MISSING_REQUIRED)
        elif pairs:
            yield purpose, pairs
    if event.purpose_id is not None:
        known = [field.key for field in policy.fields_of(event.purpose_id)]
        unknown = len([key for key in event.values if key not in known])
        if unknown:
            counters.add(UNKNOWN_FIELD, unknown)


def _belongs(field, event):
    """True if the field could have been in this event: sampled with it, of its template, or of an emitted record."""
    if isinstance(field.key, str):
        return event.purpose_id is not None and all(isinstance(key, str) for key in event.values)
    return field.key in event.values
