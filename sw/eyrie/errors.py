"""The errors that a user can cause and correct."""


class InputError(Exception):
    """Input or usage that cannot be accepted: a malformed file, a shape that does not fit, a wrong option.

    The message is one line that says what is wrong, where, and what would be right. The command line prints it
    and ends with status 2.
    """


class MissingToolError(InputError):
    """A program or optional package that the request needs is not installed; the message says how to get it."""
