"""Ctrl-C during a long computation is delayed and never lost."""

import gc
import signal
import sys
import threading

import pytest

from gatewright.support.interrupts import HeldInterrupts, Interrupts


@pytest.fixture(autouse=True)
def _pythons_own_handler():
    """Install Python's handler, because shells start background jobs with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_only_check_raises_ctrl_c():
    reached = []

    def work():
        with Interrupts() as interrupts:
            interrupts.check()
            signal.raise_signal(signal.SIGINT)
            reached.append("after the signal")
            interrupts.check()
            reached.append("after the check")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == ["after the signal"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_without_a_check_is_raised_at_the_end():
    with pytest.raises(KeyboardInterrupt), Interrupts():
        signal.raise_signal(signal.SIGINT)


def test_a_second_ctrl_c_is_raised_at_once():
    def work():
        with Interrupts():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            pytest.fail("it was not")

    with pytest.raises(KeyboardInterrupt):
        work()


def test_another_handler_is_kept():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append(True))
    try:
        with Interrupts():
            signal.raise_signal(signal.SIGINT)
        assert seen == [True]
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_changes_nothing():
    handlers = []

    def work():
        with Interrupts():
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert handlers == [signal.default_int_handler]


@pytest.mark.parametrize("releases", [True, False])
def test_ctrl_c_that_python_loses_in_a_callback_is_raised_later(releases):
    """Python prints and forgets an exception in a callback of the garbage collector."""

    def press(phase, info):
        signal.raise_signal(signal.SIGINT)

    hook = sys.unraisablehook

    def work():
        with HeldInterrupts() as interrupts:
            gc.callbacks.append(press)
            gc.collect()
            gc.callbacks.remove(press)
            if releases:
                interrupts.hold()
                interrupts.release()
                pytest.fail("it was lost")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert sys.unraisablehook is hook
