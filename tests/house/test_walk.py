import subprocess
import sys

from tests.house.walk import Step, changes_of_room, files


def test_the_way_of_a_reading_leads_through_few_rooms() -> None:
    ran = subprocess.run([sys.executable, "-m", "tests.house.walk"], capture_output=True, text=True, check=True)
    opened, changes = (int(word) for word in ran.stdout.splitlines()[0].split() if word.isdigit())
    assert opened <= 32, ran.stdout
    assert changes <= 50, ran.stdout


def test_files_and_changes_of_room_are_counted() -> None:
    walk = [Step("a/one.py", "f"), Step("a/two.py", "g"), Step("b/three.py", "h"), Step("a/one.py", "f")]
    assert (files(walk), changes_of_room(walk)) == (3, 2)
