"""A spreadsheet that is imported: previewed with every fault by its row, then written as it was shown."""

from pathlib import Path
from typing import Final

from gateway.web.http.connections import BODY_MAX_BYTES
from tests.web.test_registering import entries, field
from tests.web.visiting import Answer, Visitor, visit

ROWS: Final = "id,site,domain,params.q3\nm1,s9,water,4\nm20,s1,power,\n"


def test_a_spreadsheet_is_previewed_and_written_only_when_it_is_committed(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> tuple[list[Answer], list[str]]:
        empty, shown = await visitor.page("/import", "lan"), await visitor.post("/import", {"rows": ROWS}, "lan")
        before = list(entries(tmp_path))
        other = await visitor.post("/import", {"rows": ROWS, "seen": "x", "commit": "1"}, "lan")
        done = await visitor.post("/import", {"rows": ROWS, "seen": field(shown, "seen"), "commit": "1"}, "lan")
        again = await visitor.post("/import", {"rows": ROWS}, "lan")
        reader = await visitor.page("/import", "chi")
        return [empty, shown, other, done, again, reader, await visitor.get("/api/audit")], before

    (empty, shown, other, done, again, reader, audit), before = visit(tmp_path, story)
    assert "Rows CSV file Preview" in empty.words
    assert shown.part("Import a spreadsheet", "id,site") == (
        "1 new, 1 changed, 0 unchanged Device Change m20 new · site: s1, domain: power"
        " m1 changed · site: s1 → s9, params: - → q3=4"
    )
    assert "Import 2 devices" in shown.words
    assert before == ["m1"], "a preview writes nothing"
    assert (other.status, "somebody changed devices.yaml meanwhile" in other.words) == (409, True)
    assert field(other, "seen") == field(shown, "seen"), "with the version that is there, it can be saved after a look"
    assert (done.status, "Imported: 1 new, 1 changed." in done.words) == (200, True)
    assert entries(tmp_path)["m1"].items() >= {"site": "s9", "params": {"q3": 4}, "interval": "15min"}.items()
    assert entries(tmp_path)["m20"] == {"id": "m20", "site": "s1", "domain": "power"}
    assert "0 new, 0 changed, 2 unchanged" in again.words
    assert reader.words.endswith("To register or edit devices you need a technician's account. Sign in")
    told = [(entry["action"], entry["subject"], "before" in entry) for entry in audit.document["audit"]]
    assert told == [("devices imported", {"device": "m1"}, True), ("devices imported", {"device": "m20"}, False)]


def test_each_fault_of_a_spreadsheet_stands_by_its_row_and_column(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> list[Answer]:
        asked = (
            "id,site,domain\nm1,s 9,w\nm2,s1,water\n",
            "id,colour\nm1,blue\n",
            "id,parent\nm1,nobody\n",
            'id,site\nm1,"s1\n',
            " \n",
        )
        found = [await visitor.post("/import", {"rows": rows}) for rows in asked]
        found.append(await visitor.post("/import", {"rows": f"id,customers,params.k\nm1,{'9' * 5000},{'9' * 5000}\n"}))
        return [*found, await visitor.post("/import", {"rows": "x" * (BODY_MAX_BYTES + 1)})]

    cells, column, parent, quotes, nothing, digits, large = visit(tmp_path, story)
    refused = "Not imported: correct these rows, then preview again. Row Fault"
    assert cells.part(refused, "Paste") == (
        "2 site : 's 9' may hold 1 to 64 of A-Z a-z 0-9 . _ : -"
        " 2 domain : 'w' is not one of 'water', 'power', 'traffic' or 'urban'"
    )
    assert digits.part(refused, "Paste") == (
        "2 customers : Unable to parse input string as an integer, exceeded maximum size"
        " 2 params.k : inf is not a number, text or boolean"
    )
    assert column.part(refused).startswith("1 colour : there is no such column; the columns are id, source")
    assert parent.part(refused, "Paste") == "2 parent : nobody is not among the devices"
    assert [answer.status for answer in (cells, column, parent, quotes, nothing)] == [422] * 5
    assert "There is nothing to import." in nothing.words
    assert large.status == 413
    assert list(entries(tmp_path)) == ["m1"]


def test_of_many_changes_the_first_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    async def story(visitor: Visitor) -> Answer:
        return await visitor.post("/import", {"rows": "id,site\n" + "".join(f"n{number},s1\n" for number in range(203))})

    page = visit(tmp_path, story)
    assert page.words.count("new ·") == 200
    assert "203 new, 0 changed, 0 unchanged" in page.words
    assert "n199 new" in page.words
    assert "n200 new" not in page.words
    assert "Import 203 devices" in page.words
