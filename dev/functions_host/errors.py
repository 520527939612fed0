"""
What stops the host, and what an invocation can end with.

    HostRefused             the host cannot start; the text says what to do
      ApplicationRefused    the real worker would not index this app
      RouteRefused          a route template that the real host puts in error; only its function is not served
    InvocationFailed        the function was not called, or its result cannot be used
    WorkerRestarted         the worker process ended while the function ran
"""


class HostRefused(Exception):
    pass


class ApplicationRefused(HostRefused):
    pass


class RouteRefused(HostRefused):
    pass


class InvocationFailed(Exception):
    pass


class WorkerRestarted(Exception):
    pass
