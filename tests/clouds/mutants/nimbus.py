"""Nimbus's cloud class, broken in one way each: what the cloud suite has to find, and the test that finds it."""

from __future__ import annotations

import os
import threading
import time

import msgspec

from mngr.model.clock import SYSTEM
from mngr.model.errors import Conflict, InvalidInput, MngrError, NotFound, TimedOut
from mngr.model.views import Offer
from mngr.vps_docker import tags
from mngr.vps_docker.errors import VpsApiError, VpsApiNoAnswer, VpsApiUnreadable
from mngr.vps_docker.vps_client import Gone, Machine
from support.nimbus.cloud import HOST_ID, NimbusCloud

#: The test that has to fail → the mutants for which it has to.
FOUND_BY: dict[str, list[type[NimbusCloud]]] = {}


def found_by(*tests: str):
    def note(mutant: type[NimbusCloud]) -> type[NimbusCloud]:
        for test in tests:
            FOUND_BY.setdefault(test, []).append(mutant)
        return mutant

    return note


# --- check ------------------------------------------------------------------------------------------------------------


@found_by("test_check_tells_the_price_and_spends_nothing")
class CheckBuys(NimbusCloud):
    def check(self, spec):
        self._call("POST", "/machines", {**msgspec.to_builtins(spec)})
        return super().check(spec)


@found_by("test_check_tells_the_price_and_spends_nothing")
class CheckHasNoPrice(NimbusCloud):
    def check(self, spec):
        return msgspec.structs.replace(super().check(spec), per_hour=None)


@found_by("test_check_names_the_valid_choices_and_spends_nothing")
class CheckNamesNoChoices(NimbusCloud):
    def check(self, spec):
        try:
            return super().check(spec)
        except InvalidInput as error:
            raise InvalidInput(error.message) from None


@found_by("test_check_names_the_valid_choices_and_spends_nothing")
class CheckTakesAnything(NimbusCloud):
    def check(self, spec):
        return Offer(plan=spec.plan, region=spec.region, image=spec.image, per_hour=0.01)


@found_by("test_check_in_trouble_says_so_and_blames_no_choice")
class CheckBlamesTheChoice(NimbusCloud):
    def check(self, spec):
        try:
            return super().check(spec)
        except MngrError as error:
            raise InvalidInput(error.message) from None


# --- create -----------------------------------------------------------------------------------------------------------


@found_by(
    "test_create_makes_the_machine_that_was_asked_for",
    "test_release_of_a_create_that_was_killed_at_any_save",
    "test_release_of_a_create_whose_network_went_at_any_call",
    "test_killed_at_any_save_and_repeated_it_is_one_machine",
    "test_release_isnt_gone_before_an_order_can_show",
)
class OrderHasNoTags(NimbusCloud):
    def create(self, spec, handle, save, progress):
        if handle.get("id"):
            return self.get(handle["id"])
        save({"asked_at": "now"})
        order = {**msgspec.to_builtins(spec), "tags": {}}
        made = self._machine(self._call("POST", "/machines", order))
        save({"id": made.id})
        return made


@found_by("test_create_makes_the_machine_that_was_asked_for")
class BuysAnotherPlan(NimbusCloud):
    def create(self, spec, handle, save, progress):
        return super().create(msgspec.structs.replace(spec, plan="large"), handle, save, progress)


@found_by("test_the_machine_gets_its_user_data_as_it_is")
class UserDataIsStripped(NimbusCloud):
    def create(self, spec, handle, save, progress):
        plain = msgspec.structs.replace(spec, user_data=spec.user_data.strip())
        return super().create(plain, handle, save, progress)


@found_by("test_create_says_if_the_machine_of_its_handle_is_gone")
class BuysAnotherInsteadOfWhatIsGone(NimbusCloud):
    def create(self, spec, handle, save, progress):
        return super().create(spec, {}, save, progress)


@found_by("test_a_machine_that_is_kept_costs_money_and_stays")
class KeepsOnce(NimbusCloud):
    def keep(self, id, progress):
        if self.get(id).tags.get("kept"):
            raise Conflict("it is kept already")
        self.tag(id, {"kept": "1"})


@found_by("test_each_paid_call_is_between_two_saves")
class SavesOnlyAfter(NimbusCloud):
    def create(self, spec, handle, save, progress):
        made = super().create(spec, handle, lambda more: None, progress)
        save({"id": made.id})
        return made


@found_by("test_each_paid_call_is_between_two_saves")
class SavesOnlyBefore(NimbusCloud):
    def create(self, spec, handle, save, progress):
        return super().create(spec, handle, lambda more: None if "id" in more else save(more), progress)


@found_by(
    "test_a_repeat_with_nothing_saved_adopts_instead_of_buying",
    "test_killed_at_any_save_and_repeated_it_is_one_machine",
    "test_whatever_answer_is_lost_one_machine_is_bought",
    "test_a_lost_answer_and_lists_that_lag_buy_one_machine",
)
class AdoptsNothing(NimbusCloud):
    def create(self, spec, handle, save, progress):
        if handle.get("id"):
            return self.get(handle["id"])
        save({"asked_at": "now"})
        made = self._machine(self._call("POST", "/machines", msgspec.to_builtins(spec)))
        save({"id": made.id})
        return made


@found_by("test_whatever_answer_is_lost_one_machine_is_bought")
class RepeatsAnOrderWithoutAnswer(NimbusCloud):
    def _call(self, method, path, body=None):
        try:
            return super()._call(method, path, body)
        except VpsApiNoAnswer:
            return super()._call(method, path, body)


@found_by("test_a_refusal_is_told_and_nothing_is_bought")
class RefusalIsNoAnswer(NimbusCloud):
    def _call(self, method, path, body=None):
        try:
            return super()._call(method, path, body)
        except VpsApiError as error:
            raise (error if method == "GET" else VpsApiNoAnswer(error.message)) from None


@found_by("test_an_order_without_any_answer_is_unreachable")
class NoAnswerIsAnotherError(NimbusCloud):
    def _call(self, method, path, body=None):
        try:
            return super()._call(method, path, body)
        except VpsApiNoAnswer as error:
            raise Conflict(error.message) from None


@found_by(
    "test_a_list_that_cant_be_read_buys_nothing", "test_find_in_trouble_is_unreadable_at_each_of_its_calls"
)
class ErrorIsAnEmptyList(NimbusCloud):
    def find(self, owner):
        try:
            return super().find(owner)
        except VpsApiUnreadable:
            return []


@found_by("test_create_returns_none_rather_than_wait_for_a_delivery")
class WaitsForTheDelivery(NimbusCloud):
    def create(self, spec, handle, save, progress):
        made = super().create(spec, handle, save, progress)
        self.clock.sleep(600)
        return made


# --- find, get --------------------------------------------------------------------------------------------------------


@found_by("test_find_sees_all_of_many_machines")
class FirstPageOnly(NimbusCloud):
    def _pages(self, path):
        return self._call("GET", f"{path}?page=1")["rows"]


@found_by(
    "test_find_in_trouble_is_unreadable_at_each_of_its_calls",
    "test_find_after_a_moment_of_trouble_is_whole_or_unreadable",
)
class ErrorEndsTheList(NimbusCloud):
    def _pages(self, path):
        rows, page = [], 1
        while page:
            try:
                answer = self._call("GET", f"{path}?page={page}")
            except VpsApiUnreadable:
                return rows
            rows, page = [*rows, *answer["rows"]], answer["next"]
        return rows


@found_by("test_find_wants_all_tags_and_whole_values")
class AnyTagWillDo(NimbusCloud):
    def find(self, owner):
        return [one for one in super().find({}) if not owner or owner.items() & one.tags.items()]


@found_by("test_find_wants_all_tags_and_whole_values")
class TheBeginningOfAValueWillDo(NimbusCloud):
    def find(self, owner):
        return [
            one
            for one in super().find({})
            if all(one.tags.get(key, "").startswith(value) for key, value in owner.items())
        ]


@found_by("test_find_shows_what_a_machine_is")
class ListsShowLess(NimbusCloud):
    def find(self, owner):
        return [msgspec.structs.replace(one, plan="") for one in super().find(owner)]


@found_by("test_other_peoples_machines_are_nobodys")
class OursByOneTagAlone(NimbusCloud):
    def find_ours(self, is_ours):
        return [one for one in self.find({}) if one.tags.get(tags.PROVIDER) and is_ours(one.name, one.tags)]


@found_by("test_other_peoples_machines_are_nobodys")
class EverythingIsOurs(NimbusCloud):
    def find_ours(self, is_ours):
        return self.find({})


@found_by("test_find_shows_what_was_done_once_its_lag_is_over")
class ListsAreKept(NimbusCloud):
    def find(self, owner):
        known = self.__dict__.setdefault("known", {})
        key = str(sorted(owner.items()))
        if key not in known:
            known[key] = super().find(owner)
        return known[key]


@found_by("test_get_in_trouble_is_unreadable_at_each_of_its_calls")
class AnyErrorIsNotFound(NimbusCloud):
    def get(self, id):
        try:
            return super().get(id)
        except VpsApiError as error:
            raise NotFound(error.message) from None


@found_by("test_get_in_trouble_is_unreadable_at_each_of_its_calls")
class BelievesAGateway(NimbusCloud):
    def _call(self, method, path, body=None):
        try:
            return super()._call(method, path, body)
        except VpsApiError as error:
            raise (NotFound(error.message) if error.status == 404 else error) from None


@found_by("test_get_of_what_never_was_is_not_found", "test_get_of_what_was_released_is_not_found")
class NothingIsNotFound(NimbusCloud):
    def get(self, id):
        try:
            return super().get(id)
        except NotFound:
            return Machine(id=id, state="gone")


@found_by("test_get_asks_for_the_machine_and_not_for_something_beside_it")
class IdsArePaths(NimbusCloud):
    def get(self, id):
        rows = self._call("GET", f"/machines/{id.partition('?')[0].rpartition('/')[2]}")
        return self._machine(rows)


# --- power, tag -------------------------------------------------------------------------------------------------------


@found_by(
    "test_power_returns_only_when_the_cloud_shows_it", "test_power_that_the_cloud_never_shows_times_out"
)
class PowerDoesntWait(NimbusCloud):
    def power(self, id, on):
        self._call("POST", f"/machines/{id}/{'on' if on else 'off'}")


@found_by("test_power_that_the_cloud_never_shows_times_out")
class PowerGivesUpSilently(NimbusCloud):
    def power(self, id, on):
        try:
            super().power(id, on)
        except TimedOut:
            return


@found_by("test_power_is_as_asked_when_it_returns_and_may_be_repeated")
class OnWhileOnIsAnError(NimbusCloud):
    def power(self, id, on):
        if self.get(id).state == ("running" if on else "stopped"):
            raise Conflict("it is so already")
        super().power(id, on)


@found_by("test_power_whose_answer_was_lost_may_be_repeated")
class AsksOnceForPower(NimbusCloud):
    def power(self, id, on):
        asked = self.__dict__.setdefault("asked", set())
        if (id, on) not in asked:
            asked.add((id, on))
            super().power(id, on)


@found_by("test_tags_change_key_by_key", "test_other_peoples_labels_stay")
class TagsReplaceAll(NimbusCloud):
    def tag(self, id, put, drop=()):
        super().tag(id, put, [key for key in self.get(id).tags if key not in put])


@found_by("test_other_peoples_labels_stay")
class LabelsOfOthersAreErased(NimbusCloud):
    def tag(self, id, put, drop=()):
        others = [key for key in self.get(id).tags if not key.startswith("mngr-")]
        super().tag(id, put, [*drop, *others])


@found_by("test_tags_may_be_put_and_dropped_again")
class DropWantsItsKey(NimbusCloud):
    def tag(self, id, put, drop=()):
        if missing := set(drop) - set(self.get(id).tags):
            raise VpsApiError(f"{id} has no {missing}", status=400)
        super().tag(id, put, drop)


@found_by("test_values_come_back_as_they_were_put")
class HostKeyIsDropped(NimbusCloud):
    def tag(self, id, put, drop=()):
        super().tag(id, {key: value for key, value in put.items() if key != tags.HOST_KEY}, drop)


@found_by("test_values_come_back_as_they_were_put")
class ValuesAreCutShort(NimbusCloud):
    def tag(self, id, put, drop=()):
        super().tag(id, {key: value[:63] for key, value in put.items()}, drop)


@found_by("test_values_come_back_as_they_were_put")
class ValuesAreLowered(NimbusCloud):
    def tag(self, id, put, drop=()):
        super().tag(
            id, {key: value if key == tags.HOST_KEY else value.lower() for key, value in put.items()}, drop
        )


@found_by("test_threads_that_tag_take_nothing_from_each_other")
class TagsAreReadAndWrittenUnlocked(NimbusCloud):
    def tag(self, id, put, drop=()):
        wanted = {**self.get(id).tags, **put}
        time.sleep(0.1)
        every = {tags.READY, tags.HOST_KEY, tags.NEXT_KEY, *self.get(id).tags}
        super().tag(id, wanted, [key for key in every if key not in wanted or key in drop])


@found_by("test_a_tag_whose_answer_was_lost_may_be_repeated")
class AsksOnceForATag(NimbusCloud):
    def tag(self, id, put, drop=()):
        asked = self.__dict__.setdefault("asked", [])
        if (put, drop) not in asked:
            asked.append((put, drop))
            super().tag(id, put, drop)


@found_by("test_tagging_what_isnt_there_says_so")
class TagsNothing(NimbusCloud):
    def tag(self, id, put, drop=()):
        try:
            super().tag(id, put, drop)
        except NotFound:
            return


# --- release ----------------------------------------------------------------------------------------------------------


@found_by("test_release_ends_the_bill_and_may_be_repeated")
class AddressesAreLeftBehind(NimbusCloud):
    def _addresses(self, spec):
        return []


@found_by(
    "test_release_after_somebody_deleted_the_machine_by_hand",
    "test_a_release_that_was_cut_off_is_finished_by_the_next",
)
class AddressesGoWithMachinesOnly(NimbusCloud):
    def release(self, spec, handle):
        return super().release(spec, handle) if self.find({HOST_ID: spec.host_id}) else Gone()


@found_by("test_release_ends_the_bill_and_may_be_repeated", "test_release_of_what_was_never_made_is_gone")
class ReleasesOnce(NimbusCloud):
    def release(self, spec, handle):
        if not self.find({HOST_ID: spec.host_id}):
            raise NotFound(f"there is nothing of {spec.host_id}")
        return super().release(spec, handle)


@found_by(
    "test_release_finds_by_tags_alone_what_nobody_wrote_down",
    "test_release_of_a_create_that_was_killed_at_any_save",
    "test_release_of_a_create_whose_network_went_at_any_call",
)
class ReleasesWhatIsWrittenDown(NimbusCloud):
    def release(self, spec, handle):
        return super().release(spec, handle) if handle.get("id") else Gone()


@found_by("test_release_is_later_while_the_cloud_shows_the_machine")
class GoneOnceItWasAsked(NimbusCloud):
    def release(self, spec, handle):
        super().release(spec, handle)
        return Gone()


@found_by("test_release_in_trouble_is_never_gone_with_something_billed")
class TroubleIsGone(NimbusCloud):
    def release(self, spec, handle):
        try:
            return super().release(spec, handle)
        except VpsApiError:
            return Gone()


@found_by("test_release_ends_the_bill_and_may_be_repeated")
class ReleaseWaits(NimbusCloud):
    def release(self, spec, handle):
        self.clock.sleep(300)
        return super().release(spec, handle)


@found_by("test_release_leaves_all_others_alone")
class ReleasesItsNeighbours(NimbusCloud):
    def release(self, spec, handle):
        for one in self.find({tags.PROVIDER: spec.tags[tags.PROVIDER]}):
            self._call("DELETE", f"/machines/{one.id}")
        return super().release(spec, handle)


# --- time, account, threads -------------------------------------------------------------------------------------------


@found_by("test_now_is_the_clouds_time_and_not_this_computers")
class NowIsThisComputers(NimbusCloud):
    def now(self):
        return self.clock.now()


@found_by("test_now_goes_by_the_clouds_last_answer")
class NowIsAskedOnce(NimbusCloud):
    def now(self):
        if "first" not in self.__dict__:
            self.first = super().now() - SYSTEM.monotonic()
        return self.first + SYSTEM.monotonic()


@found_by("test_account_is_always_the_same")
class AccountChanges(NimbusCloud):
    def account(self):
        return os.urandom(4).hex()


@found_by("test_account_in_trouble_is_unreadable")
class AccountIsGuessed(NimbusCloud):
    def account(self):
        try:
            self._call("GET", "/catalog")
        except MngrError:
            return "somebody"
        return "me"


@found_by("test_calls_may_come_from_several_threads")
class RemembersTheLastOrder(NimbusCloud):
    lock = threading.Lock()

    def create(self, spec, handle, save, progress):
        self.spec = spec
        time.sleep(0.1)
        return super().create(self.spec, handle, save, progress)
