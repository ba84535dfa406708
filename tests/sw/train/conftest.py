"""Tests of the training; those that train need PyTorch, which is an extra, and are left out without it."""

import importlib.util

import pytest

_NEED_TORCH = [
    "test_fit.py",
    "test_layers.py",
    "test_lenet5.py",
    "test_pruning_study.py",
    "test_stages.py",
    "test_trained.py",
    "test_training.py",
]

collect_ignore = _NEED_TORCH if importlib.util.find_spec("torch") is None else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if collect_ignore:
        terminalreporter.write_line(
            f"PyTorch is not installed: tests/sw/train/{{{','.join(collect_ignore)}}} were left out "
            "(pip install 'eyrie[train]')"
        )
