"""The sender: a thread that mails readers what they asked for, a batch over one connection at a time.

What was handed over is written down before the next batch begins, so that a crash repeats one batch at most, under the
same Message-IDs. Kills and holds go before all else, then what is due again, sign-ups, and alerts in the wire's order.
A mail server that is down loses nothing but what is no news any more (`fold.NEWS_FOR`).
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from django.core.mail import EmailMessage
from django.db import connection, transaction

from dateline.delivery.alerts import store
from dateline.delivery.alerts.fold import NEWS_FOR, AlertFold, Worth, worth
from dateline.delivery.alerts.hand_over import Handed, Said, hand_over
from dateline.delivery.alerts.messages import alert_message, confirm_message
from dateline.delivery.alerts.readers import CONFIRM_WITHIN, is_on, new_token
from dateline.delivery.alerts.store import Alert, Recipient
from dateline.delivery.push import wait_before
from dateline.delivery.subscribing import now_text
from dateline.news.acts import WITHDRAWING
from dateline.news.codes import rfc3339
from dateline.news.item import NewsItem, PubStatus
from dateline.wire import store as wire
from dateline.wire.bell import Bell
from dateline.wire.failing import Failing

log = logging.getLogger(__name__)
# Mails over one connection: a kill waits for no more than these, and a crash repeats no more.
_BATCH = 50
_SIGN_UPS = 20
# A sign-up is noticed this late at most; nobody waits for it in a loop.
_POLL_S = 1.0
# A mail server that comes back is noticed this late at most.
_LONGEST_DOWN_S = 60.0
_FORGET_S = 600.0
# A mail that is not taken yet is tried after a minute, doubled up to an hour, for five days (RFC 5321, 4.5.4.1).
_AGAIN_FIRST, _AGAIN_LONGEST, _TRIES = timedelta(minutes=1), timedelta(hours=1), 125
_SIGN_UP_AGAIN_S = 300.0
# An address that is refused so often in a row, for longer than a day, has no reader any more.
_REFUSALS, _REFUSED_FOR = 5, timedelta(days=1)
# When all of so many are refused, it is the mail server that refuses us.
_ALL_REFUSED = 3
_AFTER_FAILURE_S = 1.0


class _Look(msgspec.Struct, frozen=True):
    """An alert at this moment: its item as its dispatch has it (`told`) and as it is now, how old it is, its worth."""

    alert: Alert
    told: NewsItem
    now: NewsItem
    age: timedelta
    worth: Worth


def _look(alert: Alert) -> _Look:
    # The log itself is asked: what was killed a moment ago may not have been looked at yet.
    dispatch, state = wire.read_dispatch(alert.seq), wire.read_state(alert.uri)
    assert dispatch is not None and state is not None
    now, age = wire.read_item(state.seq), datetime.now(UTC) - dispatch.instant
    return _Look(alert, dispatch.news, now, age, worth(alert.does, now.pubstatus, age))


class Sender:
    """Mails what is due."""

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped
        self._fold = AlertFold()
        self._writing = Failing(log, "What is mailed is written down again")
        # How often in a row the mail server could not be used, and before when it is left alone.
        self._down = (0, 0.0)
        self._forgot = float("-inf")
        # Sign-ups whose mail was not taken yet, and before when they are left alone.
        self._deferred: dict[int, float] = {}

    def step(self) -> bool:
        """Do the next piece of work; return whether there was any."""
        now = time.monotonic()
        if now - self._forgot > _FORGET_S:
            self._forgot = now
            self._write(lambda: store.forget_asked(rfc3339(datetime.now(UTC) - CONFIRM_WITHIN, micros=True)))
        if not is_on():
            return False
        folded = self._fold.step() > 0
        return (self._down[1] <= now and self._batch()) or folded

    def _batch(self) -> bool:
        opened = store.read_open()
        if opened and opened[0].does in WITHDRAWING:
            return self._go_on(opened[0])
        if (again := store.read_again(now_text(), _BATCH)) is not None:
            return self._again(*again)
        return self._sign_ups() or (bool(opened) and self._go_on(opened[0]))

    def _go_on(self, alert: Alert) -> bool:
        """Mail an alert to its next readers."""
        look = _look(alert)
        if not look.worth:
            self._end(look)
        elif recipients := store.read_recipients(alert, _BATCH, fresh=look.worth.fresh):
            self._mail(look, recipients)
        else:
            self._write(lambda: store.end_alert(alert.seq))
        return True

    def _again(self, alert: Alert, recipients: list[Recipient]) -> bool:
        look = _look(alert)
        if look.worth:
            self._mail(look, recipients)
        else:
            self._end(look)
        return True

    def _end(self, look: _Look) -> None:
        seq = look.alert.seq

        def write() -> None:
            store.end_alert(seq)
            store.end_again(seq)

        self._write(write)
        if look.age > NEWS_FOR and look.now.pubstatus is PubStatus.USABLE:
            log.warning("The alert of dispatch %d was dropped: it is older than %s", seq, NEWS_FOR)

    def _mail(self, look: _Look, recipients: Sequence[Recipient]) -> None:
        alert = look.alert
        try:
            messages = [alert_message(alert, look.told, look.now, to) for to in recipients]
        except Exception:
            # One that cannot be written must not hold up the others, a kill least of all.
            log.exception("The alert of dispatch %d cannot be written as a mail; it is left out", alert.seq)
            self._end(look)
            return
        handed = self._hand_over(messages)
        self._write(lambda: _note(alert, recipients, handed.said))

    def _sign_ups(self) -> bool:
        now = time.monotonic()
        waiting = [asked for asked in store.read_unmailed(10 * _SIGN_UPS) if self._deferred.get(asked.id, 0.0) <= now]
        waiting = waiting[:_SIGN_UPS]
        if not waiting:
            return False
        handed = self._hand_over(
            [confirm_message(asked, new_token(asked.id), store.find_reader(asked.address)) for asked in waiting]
        )
        done = dict(zip((asked.id for asked in waiting), handed.said, strict=False))
        self._deferred = {key: at for key, at in self._deferred.items() if at > now}
        self._deferred |= {key: now + _SIGN_UP_AGAIN_S for key, said in done.items() if said is Said.LATER}
        self._write(lambda: store.set_mailed(key for key, said in done.items() if said is not Said.LATER))
        return True

    def _hand_over(self, messages: Sequence[EmailMessage]) -> Handed:
        handed = hand_over(messages)
        if handed.trouble:
            count = self._down[0]
            if not count:
                log.error("Alerts wait. %s", handed.trouble)
            self._down = (count + 1, time.monotonic() + min(_LONGEST_DOWN_S, wait_before(count, None)))
        else:
            if self._down[0]:
                log.info("Alerts go out again")
            self._down = (0, 0.0)
        return handed

    def _write(self, write: Callable[[], object]) -> None:
        """Write down what was done; nothing else is mailed before that is on the disk."""
        while True:
            try:
                with transaction.atomic():
                    write()
                self._writing.is_over()
                return
            except Exception:  # whatever it is: going on would mail the same once more
                self._writing.say("What was mailed could not be written down; trying again")
                connection.close()
                if self._stopped():
                    return
                time.sleep(_AFTER_FAILURE_S)


def _note(alert: Alert, recipients: Sequence[Recipient], said: Sequence[Said]) -> None:
    """Write down what became of mails of an alert."""
    done = list(zip(recipients, said, strict=False))
    done = [(to, Said.SPOILED if outcome is Said.LATER and to.tries >= _TRIES else outcome) for to, outcome in done]
    if len(done) >= _ALL_REFUSED and all(outcome is Said.REFUSED for _, outcome in done):
        done = [(to, Said.LATER) for to, _ in done]
    now = datetime.now(UTC)
    for to, outcome in done:
        if outcome is Said.LATER:
            wait = min(_AGAIN_LONGEST, _AGAIN_FIRST * 2 ** min(to.tries, 10))
            store.put_again(alert.seq, to.id, to.tries + 1, rfc3339(now + wait, micros=True))
        elif outcome is Said.REFUSED:
            _refused(to, now)
    store.end_again(alert.seq, [to.id for to, outcome in done if outcome is not Said.LATER])
    store.clear_refused(to.id for to, outcome in done if outcome is Said.TAKEN)
    if done:
        store.move_alert(alert.seq, done[-1][0].id)


def _refused(to: Recipient, now: datetime) -> None:
    reader = store.set_refused(to.id, rfc3339(now, micros=True))
    if reader is None or reader.refused < _REFUSALS:
        return
    if reader.refused_at < rfc3339(now - _REFUSED_FOR, micros=True):
        store.remove_readers([reader.id])
        log.info("Alerts: reader %d was forgotten: the mail server refused the address %d times", to.id, reader.refused)


def keep_alerts(ring: Bell, stopped: Callable[[], bool]) -> None:
    """Mail what is due until `stopped`."""
    sender = Sender(stopped)
    while not stopped():
        if not sender.step():
            ring.wait(_POLL_S)
