"""What holds for the ledger of a data folder holds for a factory's: the same tests, each on an empty PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

import pytest

from station.ledger import opening
from station.ledger.database import Dialect, choose_dialect
from tests.ledger import test_allocation as allocation
from tests.ledger import test_import as importing
from tests.ledger import test_orders as orders
from tests.ledger import test_printed_labels as printed_labels
from tests.ledger import test_runs as runs
from tests.ledger import test_serial_numbers as serial_numbers
from tests.ledger import test_work_orders as work_orders
from tests.ledger.test_work_orders import ordered  # noqa: F401  a fixture

test_order = allocation.test_certificates_are_taken_in_the_order_of_the_file
test_again = allocation.test_the_same_unit_gets_the_same_certificate_again
test_back = allocation.test_a_passed_unit_keeps_its_certificate_installed_when_it_comes_back
test_free_again = allocation.test_a_certificate_that_never_left_the_station_is_free_again
test_empty = allocation.test_an_empty_batch_is_told_and_the_unit_untouched
test_two_products = allocation.test_one_unit_may_hold_certificates_of_two_products
test_threads = allocation.test_threads_never_take_the_same
test_recorded = runs.test_a_run_is_recorded_from_begin_to_verdict
test_history = runs.test_identify_tells_whether_the_unit_was_here_before
test_two_lanes = runs.test_a_unit_on_two_lanes_is_refused_on_the_second
test_interrupted = runs.test_an_interrupted_unit_resumes_with_its_certificate
test_living = runs.test_a_living_process_is_not_listed_by_another
test_dead = runs.test_a_dead_run_without_a_unit_is_ended_by_the_next
test_last_ones = runs.test_the_last_certificates_are_not_lost_in_dead_processes
test_void = runs.test_a_void_certificate_is_never_used_again
test_void_meanwhile = runs.test_installing_with_a_certificate_made_void_meanwhile_is_held
test_story = runs.test_a_units_story_is_told_by_mac_or_name
test_bears = serial_numbers.test_a_unit_bears_its_label_and_the_run_and_the_log_tell_it
test_duplicate = serial_numbers.test_a_duplicate_is_refused_and_names_the_unit_that_has_it
test_taken_off = serial_numbers.test_a_number_taken_off_may_go_to_another_unit
test_no_label = printed_labels.test_there_is_no_label_without_pass
test_label_again = printed_labels.test_a_second_label_is_recorded_as_that
test_label_again_tried = printed_labels.test_a_job_that_is_tried_again_is_noted_once_as_is_its_failure
test_label_elsewhere = printed_labels.test_the_failure_of_a_job_leaves_what_another_printer_took
test_label_missing = printed_labels.test_what_no_printer_took_is_missing_until_one_does
test_ordered_elsewhere = orders.test_what_was_moved_elsewhere_is_not_moved_again
test_imported = importing.test_the_order_of_the_file_is_kept
test_same_file = importing.test_the_same_file_again_changes_nothing_and_says_so
test_same_certificates = importing.test_the_same_certificates_in_another_file_change_nothing
test_two_imports = importing.test_two_imports_of_one_file_at_once_make_one_batch
test_longer_list = importing.test_a_longer_list_brings_only_what_is_new
test_other_secret = importing.test_a_name_with_another_secret_is_refused_by_line
test_other_name = importing.test_a_secret_under_another_name_is_refused_by_line
test_order_complete = work_orders.test_a_complete_order_takes_no_new_unit_and_spends_no_certificate
test_order_scrap = work_orders.test_a_scrapped_unit_gives_its_place_to_another_even_when_it_had_passed


@pytest.fixture(autouse=True)
def _on_postgresql(factory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(url: str | None, file: Path, *, read_only: bool) -> Dialect:
        return choose_dialect(url or factory, file, read_only=read_only)

    monkeypatch.setattr(opening, "choose_dialect", chosen)
