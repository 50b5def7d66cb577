"""What an author of a cloud brings to the suite: an account of a simulated cloud, and a client of theirs for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

from mngr.model.clock import Clock
from mngr.vps_docker.vps_client import VpsClientInterface


class CloudWorld(ABC):
    """One account of a simulated cloud, asked and changed behind the client's back.

    `url`: where the simulated cloud's API is; the suite puts a proxy in front. `plan`, `region`, `image`: what can be
    bought. `unknown_id`: a machine's id that the cloud never gave out. `page`: the most machines that one answer to a
    list may hold, as the client asks for it. `lacks`: tests that this cloud can't pass by its nature, by name, and why:
    they are skipped with that reason.
    """

    url: str
    plan: str
    region: str
    image: str
    unknown_id: str = "nosuch"
    page: int = 100
    lacks: Mapping[str, str] = {}

    @abstractmethod
    def client(self, url: str, clock: Clock, timeout: float) -> VpsClientInterface:
        """A client as a new process has it, aimed at `url`; a call gets no answer after `timeout` seconds. Whatever
        files it keeps, it finds again."""

    @abstractmethod
    def bill(self) -> Mapping[str, bool]:
        """All that was ever bought here, by id (machines, and whatever else was bought with them): whether it costs
        money from now on. What was deleted, or isn't renewed any more, doesn't."""

    @abstractmethod
    def now(self) -> float:
        """The cloud's time."""

    @abstractmethod
    def advance(self, seconds: float) -> None:
        """Lets the cloud's time pass."""

    @abstractmethod
    def crowd(self, count: int, tags: Mapping[str, str]) -> Collection[str]:
        """Puts machines there that have these tags, as the client would have written them; their ids. With no tags:
        other people's machines."""

    @abstractmethod
    def label(self, id: str) -> None:
        """Puts a label on a machine as a person does on the cloud's page: one that isn't a tag of ours."""

    @abstractmethod
    def labels(self, id: str) -> Collection[str]:
        """All labels and tags of a machine, as the cloud keeps them."""

    @abstractmethod
    def vanish(self, id: str) -> None:
        """Deletes a machine as a person does on the cloud's page; what else was bought for it stays."""

    def user_data(self, id: str) -> str:
        """What the cloud keeps of a machine's user data; asked only where `caps.user_data` is set."""
        raise NotImplementedError

    def settle(self, client: VpsClientInterface) -> None:  # noqa: B027
        """What the provider's sweep does for this cloud beside `release`; the default is nothing."""
