"""What Prometheus reads at /metrics: VMs, calls and operations. Labels are names of VMs and of actions, never what a stranger sends.

https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from mngr.model.errors import MngrError
from mngr.vms import states
from mngr.vms.figures import Figures, figures
from mngr.vmservice.service import Service

PATH = "/metrics"
BUCKETS = (0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300)
STATES = (
    states.RUNNING,
    states.PAUSED,
    states.STOPPING,
    states.STOPPED,
    states.CRASHED,
    states.SUSPENDED,
    states.UNKNOWN,
)


class Metrics:
    """The library is imported with the first call, as that takes a while."""

    def __init__(self, service: Service) -> None:
        from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

        disable_created_metrics()
        self._service, self._registry = service, CollectorRegistry()
        self._calls = Counter(
            "mngr_vm_calls", "Calls, by action and HTTP status", ["action", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "mngr_vm_call_seconds",
            "How long calls took",
            ["action"],
            registry=self._registry,
            buckets=BUCKETS,
        )
        self._registry.register(_Collector(service))  # type: ignore[arg-type]

    def count(self, action: str, status: int, seconds: float) -> None:
        """`action`: "" for what is none."""
        self._calls.labels(action or "none", str(status)).inc()
        self._seconds.labels(action or "none").observe(max(0.0, seconds))

    def text(self) -> tuple[bytes, str]:
        """All of them, and their media type. libvirt is asked."""
        from prometheus_client import exposition

        return exposition.generate_latest(self._registry), "text/plain; version=0.0.4; charset=utf-8"


class _Collector:
    """Read anew for each scrape."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> Iterable[Any]:
        return ()

    def collect(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        try:
            found, up = figures(self._service.hypervisor()), 1
        except MngrError:
            found, up = [], 0
        yield GaugeMetricFamily("mngr_vm_libvirt_up", "1 if libvirt answers", value=up)
        yield from _vms(found)
        done = CounterMetricFamily(
            "mngr_vm_operations", "Operations that ended, by outcome", labels=["action", "outcome"]
        )
        took = CounterMetricFamily(
            "mngr_vm_operation_seconds", "How long operations took together", labels=["action", "outcome"]
        )
        running = GaugeMetricFamily("mngr_vm_operations_running", "Operations that run", labels=["action"])
        for action, outcome, count, seconds in self._service.operations.counts():
            if outcome == "running":
                running.add_metric([action], count)
                continue
            done.add_metric([action, outcome], count)
            took.add_metric([action, outcome], seconds)
        yield from (done, took, running)


def _vms(found: list[Figures]) -> Iterator[Any]:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    state = GaugeMetricFamily("mngr_vm_state", "1 for the state that a VM is in", labels=["vm", "state"])
    memory = GaugeMetricFamily("mngr_vm_memory_bytes", "Memory that a VM may have", labels=["vm"])
    vcpus = GaugeMetricFamily("mngr_vm_vcpus", "Processors that a VM has", labels=["vm"])
    cpu = CounterMetricFamily("mngr_vm_cpu_seconds", "Processor time since a VM's start", labels=["vm"])
    for one in found:
        for name in STATES:
            state.add_metric([one.name, name], float(one.state == name))
        memory.add_metric([one.name], one.memory)
        vcpus.add_metric([one.name], one.vcpus)
        cpu.add_metric([one.name], one.cpu_s)
    yield from (state, memory, vcpus, cpu)
