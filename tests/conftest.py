"""What holds for all suites."""

from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: tests run beside each other, and none is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
