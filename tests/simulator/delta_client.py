"""A careful client of delta: what a folder's mirror is after each round."""

from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.simulator.people import IMMUTABLE, Person


@dataclass
class Mirror:
    """The messages of one folder as delta told them. `link` is where the next round starts."""

    person: Person
    folder: str = "inbox"
    query: str = "?$select=subject,isRead"
    immutable: bool = True
    page_size: int | None = None
    link: str | None = None
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    pages: list[dict[str, Any]] = field(default_factory=list)

    def page(self, url: str) -> httpx.Response:
        prefer = [IMMUTABLE] if self.immutable else []
        prefer += [f"odata.maxpagesize={self.page_size}"] if self.page_size else []
        return self.person.get(url, Prefer=", ".join(prefer)) if prefer else self.person.get(url)

    def step(self, url: str) -> str | None:
        """Apply one page; return the next page's link, or None when the round is over."""
        answer = self.page(url)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert ("@odata.nextLink" in page) != ("@odata.deltaLink" in page)
        self.pages.append(page)
        for item in page["value"]:
            if "@removed" in item:
                self.messages.pop(item["id"], None)
            else:
                self.messages[item["id"]] = self.messages.get(item["id"], {}) | item
        self.link = page.get("@odata.deltaLink", self.link)
        next_link: str | None = page.get("@odata.nextLink")
        return next_link

    def start(self) -> str:
        return self.link or f"/me/mailFolders/{self.folder}/messages/delta{self.query}"

    def round(self) -> list[dict[str, Any]]:
        """Follow one round to its end; return its items."""
        self.pages.clear()
        url: str | None = self.start()
        while url:
            url = self.step(url)
        return [item for page in self.pages for item in page["value"]]
