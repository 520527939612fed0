"""`@app.retry`: running a function again after an error, in the same process."""

import asyncio
import logging

from dev.functions_host.application import AppFunction
from dev.functions_host.backoff import Backoff
from dev.functions_host.context import RetryState
from dev.functions_host.errors import WorkerRestarted
from dev.functions_host.invocation import Result, Trigger, Worker

log = logging.getLogger(__name__)


async def invoke_with_retries(worker: Worker, function: AppFunction, trigger: Trigger) -> Result:
    """Run a function under its retry policy; raise the last error when the policy is used up."""
    policy = function.retry
    if policy is None:
        return await worker.invoke(function, trigger)
    growing = Backoff(policy.shortest_seconds, policy.longest_seconds)
    state: RetryState | None = None
    while True:
        try:
            return await worker.invoke(function, trigger, retry=state)
        except WorkerRestarted:
            raise
        except Exception as exc:
            count = state.count + 1 if state else 1
            if policy.maximum != -1 and count > policy.maximum:
                raise
            state = RetryState(count, policy.maximum, exc)
        delay = policy.delay_seconds if policy.delay_seconds is not None else growing.next_seconds()
        log.info("Retry %d of 'Functions.%s' in %.1f s", state.count, function.name, delay)
        await asyncio.sleep(delay)
