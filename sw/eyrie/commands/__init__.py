"""The subcommands of `eyrie`, one a file: arguments in, a table or JSON out."""
