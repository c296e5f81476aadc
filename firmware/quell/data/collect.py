# SPDX-License-Identifier: MIT
"""collect: what happened, as events. Asks a source only when a purpose that may collect wants it.

An event is raw and lives for one step: its values go through transform before anything is stored.
"""

from quell.counters import LINE_TOO_LONG, NO_TEMPLATE, RATE_LIMITED, SOURCE_ABSENT, SOURCE_FAILED
from quell.data.match import match
from quell.limits import (
    DEFAULT_RATE_PER_MIN,
    MAX_EXCEPTIONS,
    MAX_FRAMES,
    MAX_LINES_PER_STEP,
    MAX_NAME_BYTES,
    MAX_TEXT_BYTES,
)
from quell.state.policy import DROP

_MINUTE_MS = 60000


class Event:
    """Values by field key (policy.Field.key); `purpose_id` where the event is for one purpose only, else None."""

    def __init__(self, values, purpose_id=None):
        self.values = values
        self.purpose_id = purpose_id


def traceback_parts(text, exception_type):
    """(type, frames, message) of a traceback's text (str), by structure.

    Frames are the lines `  File "name", line N[, in where]` that follow the header without a break; the
    first other line ends them, so that a message cannot forge one. Frames: "name:line;…", innermost
    last, directories cut off. The message is what stands behind the type, one line.
    """
    lines = text.split("\n")
    frames = []
    at = 1 if lines and lines[0].startswith("Traceback (most recent call last)") else 0
    while at < len(lines) and lines[at].startswith('  File "'):
        parts = lines[at][8:].split('"')
        number = parts[1].split(" line ")[-1].split(",")[0] if len(parts) > 1 else ""
        if not number or not number.isdigit():
            break
        frames.append(parts[0].split("/")[-1][:MAX_NAME_BYTES] + ":" + number)
        at += 1
    head = lines[at] if at < len(lines) else ""
    mark = exception_type + ": "
    message = head[len(mark) :] if head.startswith(mark) else ""
    joined = ";".join(frames[-MAX_FRAMES:])
    while len(joined) > MAX_TEXT_BYTES:
        joined = joined[joined.find(";") + 1 :] if ";" in joined else joined[:MAX_TEXT_BYTES]
    return exception_type[:MAX_NAME_BYTES], joined, message


class Collector:
    """Polls the port's sources. `own`: {source id: callable} for values that the agent itself knows."""

    def __init__(self, sources, catalogue, own, counters):
        self._sources = sources
        self._names = {number: name for name, number in catalogue.items()}
        self._catalogue = catalogue
        self._own = own
        self._counters = counters
        self._due_ms = {}  # purpose id -> next sampling
        self._minute = {}  # group -> [start of the minute, events in it]
        self._exceptions = []  # (type, frames, message)

    def _within_rate(self, group, policy, now_ms):
        window = self._minute.get(group)
        if window is None or now_ms - window[0] >= _MINUTE_MS:
            window = self._minute[group] = [now_ms, 0]
        window[1] += 1
        if window[1] <= policy.rates.get(group, DEFAULT_RATE_PER_MIN):
            return True
        self._counters.add(RATE_LIMITED)
        return False

    def exception(self, exception_type, text):
        """Note an exception of the agent or the application: its type (str) and traceback (str)."""
        if len(self._exceptions) < MAX_EXCEPTIONS:
            self._exceptions.append(traceback_parts(text, exception_type))
        else:
            self._counters.add(RATE_LIMITED)

    def emitted(self, purpose_id, values, policy, now_ms):
        """The event of an application's record, or None above its rate. `values`: {field name: value}."""
        if not self._within_rate("app", policy, now_ms):
            return None
        # names only: any other key could be taken for a source that an application must not fill
        return Event({str(name): value for name, value in values.items()}, purpose_id)

    def _sample(self, source):
        own = self._own.get(source)
        try:
            value = own() if own is not None else self._sources.sample(source)
        except Exception:  # a source may fail in any way; the agent goes on without it
            self._counters.add(SOURCE_FAILED)
            return None
        if value is None or value == "":
            self._counters.add(SOURCE_ABSENT)
            return None
        return value

    def _samples(self, policy, allowed, now_ms):
        for purpose in policy.purposes:
            if not purpose.every_s or purpose.id not in allowed:
                self._due_ms.pop(purpose.id, None)
                continue
            if now_ms < self._due_ms.get(purpose.id, 0):
                continue
            self._due_ms[purpose.id] = now_ms + purpose.every_s * 1000
            values = {}
            for field in policy.fields_of(purpose.id):
                group = self._names.get(field.key, "app.").split(".")[0]
                # what would be dropped anyway is not even asked for
                if group in ("app", "exception") or field.key in values or field.action == DROP:
                    continue
                if self._within_rate(group, policy, now_ms):
                    values[field.key] = self._sample(field.key)
            if [1 for value in values.values() if value is not None]:
                yield Event(values, purpose.id)

    def _match(self, log, line, templates):
        for template in templates:
            if template.log == log:
                captures = match(template.ops, line)
                if captures is not None:
                    return {(template.id, index): value for index, value in captures.items()}
        return None

    def _lines(self, policy, templates, now_ms):
        logs = set(template.log for template in templates)
        logs.discard("exception")
        self._sources.follow(logs)
        if not logs:
            return
        for _ in range(MAX_LINES_PER_STEP):
            try:
                found = self._sources.next_line()
            except Exception:
                self._counters.add(SOURCE_FAILED)
                return
            if found is None:
                return
            log, line = found
            if line is None or 0 in line:
                self._counters.add(LINE_TOO_LONG)
                continue
            if not self._within_rate("log", policy, now_ms):
                continue
            values = self._match(log, line, templates)
            if values is None:
                self._counters.add(NO_TEMPLATE)
            else:
                yield Event(values)

    def _raised(self, policy, templates, now_ms):
        while self._exceptions:
            name, frames, message = self._exceptions.pop(0)
            if not self._within_rate("exception", policy, now_ms):
                continue
            values = self._match("exception", message.encode(), templates) or {}
            values[self._catalogue["exception.type"]] = name
            values[self._catalogue["exception.frames"]] = frames or None
            yield Event(values)

    def events(self, policy, allowed, now_ms):
        """The events that are due now. `allowed`: ids of the purposes that may collect (decide.allowed)."""
        wanted = set()
        for field in policy.fields:
            if isinstance(field.key, tuple):
                for purpose_id in field.purposes:
                    if purpose_id in allowed:
                        wanted.add(field.key[0])
        templates = [template for template in policy.templates if template.id in wanted]
        for event in self._samples(policy, allowed, now_ms):
            yield event
        for event in self._lines(policy, templates, now_ms):
            yield event
        for event in self._raised(policy, templates, now_ms):
            yield event

    def stop(self):
        """Nothing may be collected: let go of the logs and forget what was noted."""
        self._sources.follow(set())
        self._exceptions = []
        self._due_ms = {}
