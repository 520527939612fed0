"""One timer trigger: firing on schedule, on one host at a time, and catching up once after a pause."""

import asyncio
import json
import logging
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from azure.core.exceptions import AzureError
from azure.functions.meta import Datum

from dev.functions_host.app_settings import AppSettings
from dev.functions_host.application import AppFunction
from dev.functions_host.host_json import SingletonOptions
from dev.functions_host.invocation import Trigger, Worker
from dev.functions_host.queue_output import QueueOutputs
from dev.functions_host.retries import invoke_with_retries
from dev.functions_host.schedules import Schedule, read_schedule
from dev.functions_host.timer_store import TimerStatus, TimerStore

log = logging.getLogger(__name__)

_LONGEST_SLEEP_SECONDS: Final = 30  # the wall clock may be set meanwhile
_STORAGE_ERROR_SECONDS: Final = 2


class TimerListener:
    """Fires one function. It never overlaps itself; occurrences missed while it runs are skipped."""

    def __init__(
        self,
        function: AppFunction,
        store: TimerStore,
        *,
        settings: AppSettings,
        worker: Worker,
        outputs: QueueOutputs,
        singleton: SingletonOptions,
    ) -> None:
        properties = function.trigger.properties
        self.function = function
        self.schedule: Schedule = read_schedule(settings.resolve(str(properties["schedule"])))
        self._runs_on_startup = bool(properties.get("runOnStartup"))
        self._is_monitored = properties.get("useMonitor", True) and not self.schedule.is_frequent(_now())
        self._store, self._worker, self._outputs, self._singleton = store, worker, outputs, singleton
        self._task: asyncio.Task[None] | None = None
        self._has_started = False
        self._is_stopping = False
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self) -> None:
        self._is_stopping = False
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._fire_while_leader(), name=f"timer {self.function.name}")

    async def stop(self) -> None:
        """Fire no more; a run in progress goes on."""
        self._is_stopping = True
        if self._idle.is_set():
            await self._cancel()

    async def finish(self, seconds: float) -> bool:
        """Wait for a run in progress, and give the lease back; return whether none is left."""
        if self._task:
            await asyncio.wait({self._task}, timeout=seconds)
        is_finished = self._idle.is_set()
        await self._cancel()
        return is_finished

    async def _cancel(self) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def run(self, status: TimerStatus | None = None, *, reason: str = "", is_past_due: bool = False) -> None:
        """Run the function once, and write its outputs; raise what it raises."""
        content = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.as_json() if status else None,
            "IsPastDue": is_past_due,
        }
        trigger = Trigger(reason=reason, data=Datum(json.dumps(content), "json"))
        result = await invoke_with_retries(self._worker, self.function, trigger)
        await self._outputs.send(self.function, result)

    async def run_by_hand(self, reason: str) -> None:
        """Run the function now, as `run` does; a monitored timer is told what was saved last."""
        status: TimerStatus | None = None
        if self.function.trigger.properties.get("useMonitor", True):
            with suppress(AzureError):  # then it is told nothing
                status = await self._store.read_status()
        await self.run(status, reason=reason)

    async def _fire_while_leader(self) -> None:
        was_failing = False
        while not self._is_stopping:
            wait: float = self._singleton.listener_lock_recovery_polling_interval
            try:
                if lease := await self._store.lease(round(self._singleton.listener_lock_period)):
                    was_failing = False
                    async with lease.held() as lost:
                        await self._fire_until(lost)
                    continue
            except AzureError as exc:
                if not was_failing:
                    log.warning(
                        "The timer %s waits for its storage: %s", self.function.name, str(exc).partition("\n")[0]
                    )
                was_failing, wait = True, _STORAGE_ERROR_SECONDS
            await asyncio.sleep(wait)

    async def _fire_until(self, lost: asyncio.Event) -> None:
        firing = asyncio.create_task(self._fire())
        losing = asyncio.create_task(lost.wait())
        try:
            await asyncio.wait({firing, losing}, return_when=asyncio.FIRST_COMPLETED)
            if firing.done():
                await firing
        finally:
            for task in (firing, losing):
                task.cancel()
            await asyncio.wait({firing, losing})

    async def _fire(self) -> None:
        status = await self._first_status()
        while not self._is_stopping:
            await _sleep_until(status.next)
            status = await self._fire_once(status, due=status.next)

    async def _first_status(self) -> TimerStatus:
        """Do what is due at the start, and return when to fire next."""
        now = _now()
        saved = await self._store.read_status() if self._is_monitored else None
        if saved and self._is_current(saved) and saved.next < now:
            return await self._fire_once(saved, due=now, is_past_due=True)
        status = TimerStatus(saved.last if saved else None, self.schedule.next_after(now), now)
        if self._runs_on_startup and not self._has_started:
            self._has_started = True
            return await self._fire_once(status, due=now)
        if self._is_monitored:
            await self._store.write_status(status)
        return status

    def _is_current(self, saved: TimerStatus) -> bool:
        """Return whether the saved occurrence is one of this schedule: a changed schedule owes nothing."""
        expected = self.schedule.next_after(saved.last or saved.last_updated)
        return abs(expected - saved.next) < timedelta(seconds=1)

    async def _fire_once(self, status: TimerStatus, *, due: datetime, is_past_due: bool = False) -> TimerStatus:
        reason = f"Timer fired at {_now().isoformat()}"
        self._idle.clear()
        with suppress(Exception):  # no error stops the schedule, and the invocation has logged it
            await self.run(status if self._is_monitored else None, reason=reason, is_past_due=is_past_due)
        self._idle.set()
        now = _now()
        # The saved occurrence must follow from `last`, so that the next start recognises its own schedule.
        following = self.schedule.next_after(due)
        last = due if following > now else now
        status = TimerStatus(last, self.schedule.next_after(last), now)
        if self._is_monitored:
            await self._store.write_status(status)
        return status


def _now() -> datetime:
    return datetime.now().astimezone()


async def _sleep_until(at: datetime) -> None:
    while (remaining := (at - _now()).total_seconds()) > 0:  # noqa: ASYNC110 (nothing but time to wait for)
        await asyncio.sleep(min(remaining, _LONGEST_SLEEP_SECONDS))
