"""Vultr's cloud class, broken in one way each; as in nimbus.py."""

from __future__ import annotations

from mngr.backends.vultr.cloud import VultrCloud
from mngr.backends.vultr.parse import join_tags
from mngr.model.errors import NotFound
from mngr.vps_docker.errors import VpsApiError

#: The test that has to fail → the mutants for which it has to.
FOUND_BY: dict[str, list[type[VultrCloud]]] = {}


def found_by(*tests: str):
    def note(mutant: type[VultrCloud]) -> type[VultrCloud]:
        for test in tests:
            FOUND_BY.setdefault(test, []).append(mutant)
        return mutant

    return note


@found_by(
    "test_a_lost_answer_and_lists_that_lag_buy_one_machine", "test_release_isnt_gone_before_an_order_can_show"
)
class TrustsAListAtOnce(VultrCloud):
    def _shown_by(self, handle):
        return None


@found_by("test_other_peoples_labels_stay")
class LabelsOfOthersAreErased(VultrCloud):
    def tag(self, id, put, drop=()):
        kept = {key: value for key, value in self.get(id).tags.items() if key not in drop}
        self.client.patch(f"/instances/{id}", {"tags": join_tags({**kept, **put})})


@found_by("test_user_data_is_emptied_where_it_can_be")
class UserDataStays(VultrCloud):
    def blank_user_data(self, id):
        self.get(id)


@found_by("test_get_in_trouble_is_unreadable_at_each_of_its_calls")
class AnyErrorIsNotFound(VultrCloud):
    def get(self, id):
        try:
            return super().get(id)
        except VpsApiError as error:
            raise NotFound(error.message) from None
