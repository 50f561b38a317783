#!/usr/bin/env python3
"""A pipeline that picks a competing product, traced from Python - with the bug of competitor_selection.c in it.

    competitor_selection.py STORE [fixed]

`sh examples/debug.sh build/bin examples/competitor_selection.py` finds the bug from the trace alone. With "fixed"
ids and clock are fixed, so every run of the program records the same."""

import os
import sys
from typing import NamedTuple

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "libxrayfile", "python"))
import xrayfile as xray  # noqa: E402


class Product(NamedTuple):
    id: str
    title: str
    category: str
    price: float
    rating: float
    reviews: int

    @property
    def score(self) -> float:
        return self.rating / 5 * 0.6 + min(self.reviews / 20000, 1.0) * 0.4


class Query(NamedTuple):
    product: str  # ours, for which a competitor is wanted
    category: str
    keywords: str
    max_price: float
    min_rating: float


# The catalogue that the search step looks in.
CATALOGUE = [
    Product("B0BOT1", "HydroPeak steel bottle 1L", "Water bottles", 27.50, 4.8, 21840),
    Product("B0BOT2", "AquaGo plastic bottle 0.7L", "Water Bottles", 12.99, 3.9, 310),
    Product("B0BOT3", "TrailSip flask 1L", "Water Bottles", 31.00, 4.3, 1204),
    Product("B0BOT4", "Glacier glass bottle 0.5L", "Water Bottles", 119.00, 4.6, 89),
    Product("B0BOT5", "Bottle brush set", "Kitchen Tools", 8.49, 4.4, 5120),
    Product("B0BOT6", "KidSip bottle 0.4L", "Water bottles", 14.20, 4.7, 9033),
    Product("B0BOT7", "SportJug 2L", "Water Bottles", 19.90, 3.2, 71),
    Product("B0CUP1", "Travel mug 0.4L", "Mugs", 22.00, 4.5, 8800),
    Product("B0CUP2", "Ceramic mug, blue", "Mugs", 9.90, 4.1, 640),
    Product("B0CUP3", "Thermo mug XL", "Mugs", 34.00, 4.7, 12010),
    Product("B0CUP4", "Mug warmer", "Kitchen Tools", 24.00, 3.8, 211),
    Product("B0MAT1", "Yoga mat 6mm", "Yoga Mats", 29.00, 4.4, 15300),
    Product("B0MAT2", "Cork yoga mat", "Yoga mats", 59.00, 4.9, 18120),
    Product("B0MAT3", "Yoga mat strap", "Yoga Accessories", 7.00, 4.2, 950),
    Product("B0MAT4", "Travel yoga mat 2mm", "Yoga Mats", 26.00, 4.0, 2210),
]

QUERIES = [
    Query("Our bottle 1L", "Water Bottles", "bottle", 60, 4.0),
    Query("Our mug", "Mugs", "mug", 60, 4.0),
    Query("Our yoga mat", "Yoga Mats", "mat", 60, 4.0),
    Query("Our kids' bottle", "Water Bottles", "bottle", 20, 3.5),
]


def search(run, query):
    with run.step("search", type="search") as st:
        st.add_metadata("keywords", query.keywords)
        found = [p for p in CATALOGUE if query.keywords in p.title]
        st.candidates(found).set_candidates_in(len(CATALOGUE))
        return found


def filter_price(run, query, products):
    with run.step("filter_price", type="filter") as st:
        return st.filter(products, lambda p: p.price <= query.max_price, reason="price_too_high",
                         evidence=lambda p: {"price": p.price, "limit": float(query.max_price)}
                         if p.price > query.max_price else None)


def filter_category(run, query, products):
    """THE BUG: categories are compared letter by letter, and the catalogue is not consistent about capitals. The best
    competitors fall here."""
    with run.step("filter_category", type="filter") as st:
        kept = []
        for p in products:
            if p.category != query.category:
                st.reject(p.id, "category_mismatch", {"category": p.category, "wanted": query.category})
            else:
                st.accept(p.id)
                kept.append(p)
        st.set_reasoning("A competitor must be in the category of our own product.")
        return kept


def filter_rating(run, query, products):
    with run.step("filter_rating", type="filter") as st:
        return st.filter(products, lambda p: p.rating >= query.min_rating, value="rating", threshold=query.min_rating,
                         reason=xray.Reason("rating_too_low", rule="min_rating", version="2"), by="rule")


def select_best(run, products):
    with run.step("select", type="select") as st:
        best = max(products, key=lambda p: p.score, default=None)
        st.filter(products, lambda p: p is best, reason="not_best")
        others = [{"id": p.id, "score": p.score, "why_not": "lower score"} for p in products if p is not best]
        st.decide("select_competitor", selected=best, reason="highest_score" if best else "nothing_left",
                  score=best.score if best else None, alternatives=others)
        if best is None:
            st.set_status("partial")
        return best


def pipeline(query):
    with xray.run("competitor_selection", version="1.4", input=query.product) as run:
        products = search(run, query)
        products = filter_price(run, query, products)
        products = filter_category(run, query, products)
        products = filter_rating(run, query, products)
        best = select_best(run, products)
        run.set_output(best.title if best else None)
        if best is None:
            run.set_status("partial")


def main() -> int:
    if len(sys.argv) < 2:
        print("usage: competitor_selection.py STORE [fixed]", file=sys.stderr)
        return 2
    fixed = {"id": b"competitor".ljust(16, b"\0").hex(), "time_ns": 1764000000000000000, "tick_ns": 1000000}
    xray.configure(dir=sys.argv[1], app="competitor_selection", strict=True,
                   fixed=fixed if sys.argv[2:] == ["fixed"] else None)
    for query in QUERIES:
        pipeline(query)
    return 0


if __name__ == "__main__":
    sys.exit(main())
