"""Records what a real FastAPI application answers, as vectors for the tests of the assistant dialect.

The service whose API the assistant dialect speaks is a FastAPI application, so FastAPI and Pydantic themselves are the
reference for how requests are parsed and refused: the order of faults, their words, the odd spellings that pass. This
script builds the documented API as such an application, without a store, sends it every request of a table and writes
the answers to `vectors.json` beside itself. The Rust tests replay the requests and need no Python; run this again only
when the table or the pinned versions change:

    uv run tests/fastapi/record.py

or, in an environment with the packages below, `python tests/fastapi/record.py`.

Each vector is {"name", "request": {"method", "path", "headers", "body"}, "response": {"status", "body", "allow"}}:

* `{key}` in a request's path stands for a valid API key. Paths are sent as they stand, percent-encoding included.
* `body` of a request is text, sent as UTF-8; bytes that are not UTF-8 are in `body_base64` instead; neither: no body.
* `body` of a response is the parsed JSON, absent where the response has none. An unhandled exception is a 500 whose
  body is recorded as the string that it is. `allow` is there where the header is.

The application says how it read the request: `{"data": …}` has the body's fields (on PUT those that were set), the page
and size of a list, or the id of a route that takes one. Every API key and every id is good to it.
"""

# /// script
# requires-python = "==3.11.*"  # the positions and words of JSON errors are those of Python's own parser
# dependencies = ["fastapi==0.165.0", "starlette==1.10.0", "pydantic==2.14.3", "pydantic-core==2.50.4", "httpx==0.28.1"]
# ///

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import FastAPI, Query, Security
from fastapi.security import APIKeyQuery
from fastapi.testclient import TestClient
from pydantic import BaseModel

# The documented API


class WidgetType(str, Enum):
    chat = "chat"
    html = "html"
    whatsapp = "whatsapp"
    phone = "phone"
    html_call = "html_call"
    leadconnector = "leadconnector"
    leadconnector_call = "leadconnector_call"
    sms = "sms"
    fb_messenger = "fb_messenger"
    instagram = "instagram"
    web_call = "web_call"
    plivo_call = "plivo_call"
    telnyx_call = "telnyx_call"
    telegram = "telegram"
    render_form = "render_form"
    sip = "sip"


class Create(BaseModel):
    widget_type: WidgetType | None
    user_opening_messages: list[str] | None
    action_buttons: list[Any] | None
    org_id: UUID | None = None
    assistant_id: UUID | None = None
    name: str | None = None
    description: str | None = None
    attributes: dict[str, Any] = {}
    display_name: str | None = None
    intro_message: str | None = None
    header_color: str | None = None
    user_message_color: str | None = None
    bot_message_color: str | None = None
    bot_icon_color: str | None = None
    remove_branding: bool | None = False
    ice_break_color: str | None = None
    bubble_color: str | None = None
    bubble_text: str | None = None
    bot_text_message_color: str | None = None
    user_text_message_color: str | None = None
    header_text_color: str | None = None
    textbox_default_text: str | None = None
    action_buttons_color: str | None = None
    style_params: dict[str, Any] = {}


class Update(Create):
    user_opening_messages: list[str] | None = None
    action_buttons: list[Any] | None = None


FIELDS = list(Create.model_fields)
assert FIELDS == list(Update.model_fields), "an overridden field keeps its place"

Page = Annotated[int, Query(ge=1)]
Size = Annotated[int, Query(ge=1, le=100)]

app = FastAPI(openapi_url=None)
authenticated = [Security(APIKeyQuery(name="api_key"))]


@app.post("/api/v1/widget", dependencies=authenticated)
def create_widget(widget: Create) -> dict[str, Any]:
    return {"data": widget.model_dump(mode="json")}


@app.get("/api/v1/widget", dependencies=authenticated)
def list_widgets(page: Page = 1, size: Size = 50) -> dict[str, Any]:
    return {"data": {"page": page, "size": size}}


@app.get("/api/v1/widget/{widget_id}", dependencies=authenticated)
def get_widget(widget_id: UUID) -> dict[str, Any]:
    return {"data": {"id": str(widget_id)}}


@app.put("/api/v1/widget/{widget_id}", dependencies=authenticated)
def update_widget(widget_id: UUID, widget: Update) -> dict[str, Any]:
    return {"data": widget.model_dump(mode="json", exclude_unset=True)}


@app.delete("/api/v1/widget/{widget_id}", dependencies=authenticated)
def delete_widget(widget_id: UUID) -> dict[str, Any]:
    return {"data": {"id": str(widget_id)}}


@app.get("/api/v1/assistant/{assistant_id}/widgets", dependencies=authenticated)
def list_widgets_of_assistant(assistant_id: UUID, page: Page = 1, size: Size = 50) -> dict[str, Any]:
    return {"data": {"page": page, "size": size}}


@app.get("/api/v1/widget/{widget_id}/parameters")
def get_parameters(widget_id: UUID) -> dict[str, Any]:
    return {"data": {"id": str(widget_id)}}


# The table of cases


@dataclass(frozen=True)
class Case:
    name: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None


JSON = "application/json"
ID = "d0f3a1b2-7c4e-4a5b-9c6d-0123456789ab"
BARE_ID = ID.replace("-", "")
LIST = "/api/v1/widget?api_key={key}"
WIDGET = f"/api/v1/widget/{ID}?api_key={{key}}"
OF_ASSISTANT = f"/api/v1/assistant/{ID}/widgets?api_key={{key}}"
REQUIRED = {"widget_type": "chat", "user_opening_messages": [], "action_buttons": []}


def with_body(name: str, method: str, path: str, body: Any, content_type: str | None = JSON) -> Case:
    """A case whose body is text or bytes as they are, or else a value to be sent as JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes | None):
        body = json.dumps(body, ensure_ascii=False).encode()
    headers = () if content_type is None else (("content-type", content_type),)
    return Case(name, method, path, headers, body)


def create(name: str, body: Any, content_type: str | None = JSON) -> Case:
    return with_body(f"create {name}", "POST", LIST, body, content_type)


def update(name: str, body: Any, content_type: str | None = JSON) -> Case:
    return with_body(f"update {name}", "PUT", WIDGET, body, content_type)


def update_field(name: str, field: str, value: str) -> Case:
    """An update of one field, whose value is given as the text of a JSON value."""
    return update(name, f'{{"widget_type":null,"{field}":{value}}}')


def successes() -> Iterator[Case]:
    everything = {
        "widget_type": "web_call",
        "user_opening_messages": ["Hello", ""],
        "action_buttons": [{"label": "Buy", "n": 1}, "text", 2, 2.5, True, None, []],
        "org_id": ID,
        "assistant_id": ID,
        "attributes": {"z": 1, "a": [1, {"b": None}], "": ""},
        "remove_branding": True,
        "style_params": {"width": 1.5, "nested": {"deep": {"er": []}}},
    }
    everything |= {field: f"a {field}" for field in FIELDS if field not in everything}
    nulls = dict.fromkeys(FIELDS)
    del nulls["attributes"], nulls["style_params"]
    yield create("with the required keys alone", REQUIRED)
    yield create("with null in the required keys", dict.fromkeys(REQUIRED))
    yield create("with every key", everything)
    yield create("with the keys in reverse", dict(reversed(everything.items())))
    yield create("with null wherever it is allowed", REQUIRED | nulls)
    spacious = '\r\n\t {\n"widget_type" : null ,"user_opening_messages":[ ],\r"action_buttons":[\t]}\n \n'
    yield create("with spaces and line ends between the tokens", spacious)
    yield update("with the required key alone", {"widget_type": "sip"})
    yield update("with null in the required key", {"widget_type": None})
    yield update("with every key", everything)
    yield update("with null wherever it is allowed", nulls)
    yield Case("get by id", "GET", WIDGET)
    yield Case("delete by id", "DELETE", WIDGET)
    yield Case("list with neither page nor size", "GET", LIST)
    yield Case("list of an assistant with neither page nor size", "GET", OF_ASSISTANT)
    yield Case("get with a query parameter that is unknown", "GET", f"{WIDGET}&page=abc&size=0&x")


WRONG_TYPES = {
    "an integer": 7,
    "a fraction": 1.5,
    "a string": "text",
    "true": True,
    "an empty array": [],
    "an array of an integer": [1],
    "an empty object": {},
    "an object": {"a": 1},
    "null": None,
}


def types() -> Iterator[Case]:
    for words, value in WRONG_TYPES.items():
        yield create(f"with {words} in every field", dict.fromkeys(FIELDS, value))
    for words in ("an integer", "a string", "null"):
        yield update(f"with {words} in every field", dict.fromkeys(FIELDS, WRONG_TYPES[words]))
    for field in FIELDS:
        yield create(f"with one fault, in {field}", REQUIRED | {field: 12})


def enums() -> Iterator[Case]:
    for widget_type in WidgetType:
        yield update(f"with widget_type {widget_type.value}", {"widget_type": widget_type})
    unknown = [
        "Chat",
        "CHAT",
        "",
        " chat",
        "chat ",
        "web-call",
        "web_call\n",
        "chat,html",
        "WidgetType.chat",
        "null",
        "чат",
    ]
    for wrong in unknown:
        yield update(f"with the unknown widget_type {wrong!r}", {"widget_type": wrong})
    for wrong in ("0", "1.0", "false", '["chat"]', '{"chat":1}'):
        yield update(f"with {wrong} as widget_type", f'{{"widget_type":{wrong}}}')


def lists() -> Iterator[Case]:
    for field in ("user_opening_messages", "action_buttons"):
        yield update_field(f"with all kinds of JSON in {field}", field, '["a",1,2.5,true,false,null,["b"],{"c":1},"d"]')
    yield update_field("with one wrong opening message, at the end", "user_opening_messages", '["a","b","c",4]')
    yield update_field("with null as the first opening message", "user_opening_messages", '[null,"b"]')
    yield update_field(
        "with wrong opening messages at 1 and 11", "user_opening_messages", json.dumps(["a", 1, *"bcdefghij", {}, "k"])
    )
    yield update_field("with an array in the opening messages", "user_opening_messages", '[["a"],[]]')


def objects() -> Iterator[Case]:
    for value in ("[]", '[["a",1]]', '""', '"{}"', "0", "false", '{"a":null}'):
        yield update_field(f"with {value} as attributes", "attributes", value)
    yield update_field("with pairs as style_params", "style_params", '[["a",1]]')


def required() -> Iterator[Case]:
    for key in REQUIRED:
        yield create(f"without {key}", {k: v for k, v in REQUIRED.items() if k != key})
    for key in REQUIRED:
        yield create(f"with {key} alone", {key: REQUIRED[key]})
    yield create("with an empty object", {})
    yield create("with unknown keys alone", {"Widget_Type": "chat", "widgetType": "chat", "": 1})
    yield create("with optional keys alone", {"name": "a", "remove_branding": None})
    yield update("with an empty object", {})
    yield update("without widget_type", {"name": "a"})


def several_faults() -> Iterator[Case]:
    yield create(
        "with faults sent in the reverse of the model's order",
        {
            "style_params": [],
            "remove_branding": "maybe",
            "name": 1,
            "assistant_id": "x",
            "org_id": 5,
            "action_buttons": {},
            "user_opening_messages": [1, "a", None],
            "widget_type": "fax",
        },
    )
    yield create("with a missing key between two faults", {"widget_type": 1, "action_buttons": "none"})
    yield create(
        "with missing keys before the faults of optional keys", {"name": 1, "action_buttons": [], "attributes": 2}
    )
    yield create(
        "with faults in a list and in what follows", REQUIRED | {"user_opening_messages": [0, 1], "org_id": ""}
    )
    yield create("with thirty faults in one list", REQUIRED | {"user_opening_messages": list(range(30))})
    yield update("with a missing key and faults", {"name": False, "org_id": "x", "attributes": None})


def keys() -> Iterator[Case]:
    yield update("with unknown keys", {"widget_type": None, "id": 1, "Name": 2, "name ": 3, "x": {"name": 4}})
    yield update("with a key twice", '{"widget_type":"chat","name":"a","widget_type":"sip","name":"b"}')
    yield update("with a key twice, the last wrong", '{"widget_type":"chat","name":"a","name":1}')
    yield update("with a key twice, the first wrong", '{"widget_type":"fax","name":1,"name":"a","widget_type":"chat"}')
    yield update("with a key twice, the last null", '{"widget_type":null,"attributes":{},"attributes":null}')
    yield update("with a key twice, once escaped", '{"widget_type":"chat","n\\u0061me":"a","name":"b"}')
    yield update("with a key that is escaped", '{"widget_typ\\u0065":"chat","n\\u0061me":2}')
    yield update("with keys twice in attributes", '{"widget_type":null,"attributes":{"a":1,"b":2,"a":3}}')
    yield update("with the key __proto__", '{"widget_type":null,"__proto__":{"name":1},"attributes":{"__proto__":1}}')
    yield update("with the names of the model's own attributes", '{"widget_type":null,"model_config":1,"__init__":2}')


UUIDS = {
    "hyphenated": ID,
    "hyphenated, in upper case": ID.upper(),
    "hyphenated, in mixed case": ID[:18] + ID[18:].upper(),
    "bare": BARE_ID,
    "bare, in upper case": BARE_ID.upper(),
    "in braces": f"{{{ID}}}",
    "in braces, in upper case": f"{{{ID.upper()}}}",
    "as a URN": f"urn:uuid:{ID}",
    "as a URN with upper-case digits": f"urn:uuid:{ID.upper()}",
    "that is nil": "00000000-0000-0000-0000-000000000000",
    "that is all ones": "ffffffff-ffff-ffff-ffff-ffffffffffff",
    "as a URN whose prefix is in upper case": f"URN:UUID:{ID}",
    "as a URN, bare": f"urn:uuid:{BARE_ID}",
    "as a URN in braces": f"urn:uuid:{{{ID}}}",
    "in braces, bare": f"{{{BARE_ID}}}",
    "in two pairs of braces": f"{{{{{ID}}}}}",
    "one digit short": ID[:-1],
    "one digit long": ID + "0",
    "bare and one digit short": BARE_ID[:-1],
    "bare and one digit long": BARE_ID + "0",
    "bare and far too long": BARE_ID * 3,
    "of one digit": "1",
    "of one group": ID[:8],
    "of two groups": ID[:13],
    "of three groups": ID[:18],
    "of four groups": ID[:23],
    "of four groups and 32 digits": "d0f3a1b2-7c4e-4a5b-9c6d0123456789ab",
    "of six groups": f"{ID}-0123",
    "of six groups and 32 digits": "d0f3a1b2-7c4e-4a5b-9c6d-01234567-89ab",
    "with the first group long and the second short": "d0f3a1b27-c4e-4a5b-9c6d-0123456789ab",
    "with the second group long and the third short": "d0f3a1b2-7c4e4-a5b-9c6d-0123456789ab",
    "with the third group short and the fourth long": "d0f3a1b2-7c4e-4a5-b9c6d-0123456789ab",
    "with the fourth group short and the last long": "d0f3a1b2-7c4e-4a5b-9c6-d0123456789ab",
    "with the first group short": ID[1:],
    "with a hyphen in front": f"-{ID}",
    "with a hyphen at the end": f"{ID}-",
    "with a hyphen twice": ID.replace("-", "--", 1),
    "with underscores": ID.replace("-", "_"),
    "that starts with g": f"g{ID[1:]}",
    "that ends with g": f"{ID[:-1]}g",
    "with a z in the middle": f"{ID[:15]}z{ID[16:]}",
    "bare with a z in the middle": f"{BARE_ID[:15]}z{BARE_ID[16:]}",
    "in braces with a z in the middle": f"{{{ID[:15]}z{ID[16:]}}}",
    "as a URN with a z in the middle": f"urn:uuid:{ID[:15]}z{ID[16:]}",
    "with a letter that is not ASCII": f"{ID[:10]}é{ID[11:]}",
    "with a letter that is not ASCII at the end": f"{ID[:-1]}é",
    "with an emoji in front": f"\N{GRINNING FACE}{ID}",
    "with an emoji at the end": f"{ID}\N{GRINNING FACE}",
    "of full-width digits": "".join(chr(0xFEE0 + ord(char)) for char in BARE_ID),
    "of words in another script": "не идентификатор",
    "with spaces around it": f" {ID} ",
    "with a line end behind it": f"{ID}\n",
    "with a tab inside": f"{ID[:8]}\t{ID[9:]}",
    "that is a space": " ",
    "without the closing brace": f"{{{ID}",
    "without the opening brace": f"{ID}}}",
    "of empty braces": "{}",
    "of one brace": "{",
    "in brackets": f"[{ID}]",
    "of a URN without digits": "urn:uuid:",
    "of a URN's prefix without its last colon": "urn:uuid",
    "after urn: alone": f"urn:{ID}",
    "after uuid: alone": f"uuid:{ID}",
    "after 0x": f"0x{BARE_ID}",
    "that is a word": "abc",
    "that is a word with a z": "aaz",
    "that is a word with a z in braces": "{aaz}",
    "that is a word with a z as a URN": "urn:uuid:aaz",
    "that is a Polish letter": "Ł",
    "that is a full-width letter": "ｄ",
    "that is a full-width digit": "０",
    "that is null in words": "null",
    "in quotes": f'"{ID}"',
}


def uuids() -> Iterator[Case]:
    for words, text in UUIDS.items():
        path = f"/api/v1/widget/{quote(text, safe='')}?api_key={{key}}"
        yield with_body(
            f"update an id {words}, which is org_id too", "PUT", path, {"widget_type": None, "org_id": text}
        )
    for words in (
        "hyphenated, in upper case",
        "bare",
        "in braces",
        "as a URN",
        "of one digit",
        "with spaces around it",
    ):
        yield Case(f"get an id {words}", "GET", f"/api/v1/widget/{quote(UUIDS[words], safe='')}?api_key={{key}}")
    yield update("with an org_id that is empty", {"widget_type": None, "org_id": ""})
    yield update("with an org_id that ends with NUL", {"widget_type": None, "org_id": f"{ID}\0"})
    yield update("with an org_id that is escaped", f'{{"widget_type":null,"org_id":"\\u0064{ID[1:]}"}}')
    yield update(
        "with a wrong org_id and a wrong assistant_id", {"widget_type": None, "assistant_id": "a", "org_id": "b"}
    )
    yield Case("get an id as a URN, its colons not encoded", "GET", f"/api/v1/widget/urn:uuid:{ID}?api_key={{key}}")
    yield Case("get an id of digits that are encoded", "GET", f"/api/v1/widget/%640{ID[2:]}?api_key={{key}}")
    yield Case("get an id of a byte that is not UTF-8", "GET", "/api/v1/widget/%FF?api_key={key}")
    yield Case("delete an id that is a word", "DELETE", "/api/v1/widget/abc?api_key={key}")
    yield Case("get the parameters of an id", "GET", f"/api/v1/widget/{ID}/parameters")
    yield Case("get the parameters of an id in braces", "GET", f"/api/v1/widget/%7B{ID}%7D/parameters")
    yield Case("get the parameters of an id that is a word", "GET", "/api/v1/widget/abc/parameters")
    yield Case("list of an assistant in braces", "GET", f"/api/v1/assistant/%7B{ID}%7D/widgets?api_key={{key}}")
    yield Case("list of an assistant that is a word", "GET", "/api/v1/assistant/abc/widgets?api_key={key}")


BOOLEANS = r"""
    true false 0 1 2 -1 -0 0.0 1.0 -0.0 0.5 2.0 1e0 1E0 10e-1 0e5 1e-400 1e400 9007199254740993 18446744073709551616
    1000000000000000000000000000000
    "true" "True" "TRUE" "tRuE" "false" "FALSE" "yes" "YES" "no" "No" "on" "ON" "off" "OFF" "t" "T" "f" "F" "y" "Y"
    "n" "N" "1" "0" "" "true\n" "tr\u0075e" "2" "-1" "00" "01" "1.0" "+1" "ok" "yess" "null" "none" "да" "１"
    [] [true] {} {"true":true} null
""".split()


def booleans() -> Iterator[Case]:
    for text in [*BOOLEANS, '" "', '" true"', '"true "', '"o n"']:
        yield update_field(f"with remove_branding {text}", "remove_branding", text)


def free_form() -> Iterator[Case]:
    numbers = "[0,-0,-0.0,1.0,1e3,1E+3,0.1,1.10,12345678901234567890123,1e-7,5e-324,123456789.123456789]"
    yield update_field("with numbers of all kinds in attributes", "attributes", f'{{"n":{numbers}}}')
    yield update_field("with numbers of all kinds in action_buttons", "action_buttons", numbers)
    yield update_field(
        "with keys out of order in style_params", "style_params", '{"b":1,"a":{"d":1,"c":2},"B":2,"10":1,"9":2}'
    )
    yield update_field("with attributes 30 deep", "attributes", f'{{"a":{nested(30)}}}')
    yield update_field("with a number past the largest float in attributes", "attributes", '{"a":1e400,"b":-1e400}')
    yield update_field("with an integer of 4300 digits under an unknown key", "x", "1" * 4300)
    yield update_field("with an integer of 4301 digits under an unknown key", "x", "1" * 4301)
    for depth in (100, 120, 200, 500, 5000):
        yield update_field(f"with arrays {depth} deep under an unknown key", "x", nested(depth))


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def unicode() -> Iterator[Case]:
    strings = {
        "of many scripts": "Grüße, Привет, 你好, مرحبا, नमस्ते",
        "of emoji": "\N{GRINNING FACE}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET}",
        "of combining characters": "e\N{COMBINING ACUTE ACCENT}",
        "of escaped control characters": "\0\x01\b\f\n\r\t\x1b",
        "of DEL and C1": "\x7f\x80\x9f",
        "of line separators": "\u2028\u2029\u0085",
        "of non-characters": "\ufffe\uffff\U0010ffff",
        "of a BOM inside": "a\ufeffb",
        "of markup": "</script><b>&amp;'\"\\",
        "that is empty": "",
        "with spaces around it": "  a  ",
    }
    for words, text in strings.items():
        yield update(f"with a name {words}", {"widget_type": None, "name": text})
    yield update_field("with escapes of every kind in the name", "name", r'"\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC"')
    yield update_field("with a surrogate pair in the name", "name", r'"\ud83d\ude00"')
    yield update_field(
        "with Unicode in keys and values of attributes", "attributes", r'{"ключ":"\u00e9","\ud83d\ude00":"😀"}'
    )
    yield update_field("with Unicode in a wrong value", "name", '["Привет","😀"]')
    lone = {
        "a high surrogate alone": r"\ud83d",
        "a low surrogate alone": r"\ude00",
        "a high surrogate before a letter": r"\ud83da",
        "surrogates in the wrong order": r"\ude00\ud83d",
    }
    for words, text in lone.items():
        yield update_field(f"with {words} in the name", "name", f'"{text}"')
    high = r'"\ud83d"'
    yield update_field("with a lone surrogate in attributes", "attributes", f'{{"a":{high}}}')
    yield update_field("with a lone surrogate in a key of attributes", "attributes", f"{{{high}:1}}")
    yield update_field("with a lone surrogate in an opening message", "user_opening_messages", f"[{high}]")
    yield update_field("with a lone surrogate in org_id", "org_id", high)
    yield update_field("with a lone surrogate under an unknown key", "x", high)
    yield update("with a lone surrogate as widget_type", f'{{"widget_type":{high}}}')
    yield update("with a lone surrogate in an unknown key", f'{{"widget_type":null,{high}:1}}')
    yield update_field("with a lone surrogate in a wrong value", "name", f"[{high}]")


MALFORMED = {
    "an opening brace": "{",
    "a closing brace": "}",
    "an opening bracket": "[",
    "a key alone": '{"widget_type"',
    "a key and a colon": '{"widget_type":',
    "an object that is not closed": '{"widget_type":"chat"',
    "an object that ends after a comma": '{"widget_type":"chat",',
    "an object with a comma too many": '{"widget_type":"chat",}',
    "an object of a comma": "{,}",
    "an object without a colon": '{"widget_type" "chat"}',
    "an object with an equals sign": '{"widget_type"="chat"}',
    "an object without a comma": '{"widget_type":"chat" "name":"a"}',
    "an object without a value": '{"widget_type":,"name":"a"}',
    "a key without quotes": '{widget_type:"chat"}',
    "a key that is a number": '{1:"chat"}',
    "single quotes": "{'widget_type':'chat'}",
    "an array with a comma too many": "[1,]",
    "an array without a comma": "[1 2]",
    "a bracket closed by a brace": "[1}",
    "a string that is not closed": '"chat',
    "a line end within a string": '{"widget_type":"a\nb"}',
    "a tab within a string": '{"widget_type":"a\tb"}',
    "NUL within a string": '{"widget_type":"a\0b"}',
    "an escape that is unknown": r'{"widget_type":"\x41"}',
    "an escape that is too short": r'{"widget_type":"\u12"}',
    "an escape that is not hexadecimal": r'{"widget_type":"\u12G4"}',
    "a literal that is cut short": '{"widget_type":nul}',
    "a literal in title case": '{"widget_type":True}',
    "Python's None": '{"widget_type":None}',
    "undefined": '{"widget_type":undefined}',
    "a number that starts with 0": '{"widget_type":01}',
    "a number without a fraction": '{"widget_type":1.}',
    "a number without an integer": '{"widget_type":.5}',
    "a number that is a minus": '{"widget_type":-}',
    "a number with a plus": '{"widget_type":+1}',
    "a number without an exponent": '{"widget_type":1e}',
    "a hexadecimal number": '{"widget_type":0x10}',
    "a number with an underscore": '{"widget_type":1_000}',
    "NaN in lower case": '{"widget_type":nan}',
    "a second object": '{"widget_type":null} {"widget_type":null}',
    "a word behind the object": '{"widget_type":null}x',
    "a comma behind the object": '{"widget_type":null},',
    "NUL behind the object": '{"widget_type":null}\0',
    "a line comment": '// a widget\n{"widget_type":null}',
    "a block comment": '{"widget_type":null /* a type */}',
    "a form": "widget_type=chat&name=a",
    "XML": "<widget/>",
    "a word": "chat",
    "a form feed in front": '\f{"widget_type":null}',
    "a no-break space in front": '\u00a0{"widget_type":null}',
    "a replacement character in front": '\ufffd{"widget_type":null}',
    "whitespace alone": " \r\n\t ",
    "a fault after characters of several bytes": '{"name":"é😀",}',
    "a fault on its third line": '{\n"widget_type":null,\n}',
}


def malformed() -> Iterator[Case]:
    for words, text in MALFORMED.items():
        yield update(f"with malformed JSON: {words}", text)
    yield create("with malformed JSON", "{")
    constants = {"NaN": "NaN", "Infinity": "Infinity", "minus Infinity": "-Infinity"}
    for words, text in constants.items():
        yield update(f"with {words} as the body", text)
        yield update_field(f"with {words} in attributes", "attributes", f'{{"a":{text}}}')
        yield update_field(f"with {words} as name", "name", text)
        yield update_field(f"with {words} as remove_branding", "remove_branding", text)
        yield update_field(f"with {words} under an unknown key", "x", text)
    yield create("with NaN under an unknown key and a key missing", '{"x":NaN}')


def whole_bodies() -> Iterator[Case]:
    bodies = {
        "an empty array": "[]",
        "an array of an object": '[{"widget_type":null}]',
        "an array of pairs": '[["widget_type",null]]',
        "a string": '"widget_type"',
        "an empty string": '""',
        "a string that holds an object": r'"{\"widget_type\":null}"',
        "an integer": "1",
        "zero": "0",
        "a fraction": "1.5",
        "true": "true",
        "false": "false",
        "null": "null",
    }
    for words, text in bodies.items():
        yield create(f"with {words} as the body", text)
    for content_type in (JSON, "text/plain", None):
        words = content_type or "no content type"
        yield create(f"with no body and {words}", None, content_type)
        yield update(f"with no body and {words}", None, content_type)
        yield create(f"with whitespace as the body and {words}", " \n", content_type)


def content_types() -> Iterator[Case]:
    body = '{"widget_type":null,"name":"é"}'
    types = [
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/json ; a=b",
        "APPLICATION/JSON",
        "Application/Json; Charset=UTF-8",
        "application/vnd.api+json",
        "application/problem+json",
        "APPLICATION/LD+JSON",
        "application/+json",
        "application/json+xml",
        "application/jsonp",
        "application/json5",
        "application/x-ndjson",
        "application/json-seq",
        "application/octet-stream",
        "application/",
        "application",
        "json",
        "/json",
        "text/json",
        "text/x+json",
        "text/plain",
        "text/plain; charset=application/json",
        "image/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json, application/json",
        "application/json, text/plain",
        "application/ json",
        "; application/json",
        '"application/json"',
        "",
    ]
    for content_type in types:
        yield update(f"with content type {content_type!r}", body, content_type)
    yield update("with no content type", body, None)
    yield create("with no content type and every fault", {"widget_type": 1}, None)
    yield create("as text/plain with malformed JSON", "{", "text/plain")
    yield create("as text/plain with bytes that are not UTF-8", b'{"name":"\xff"}', "text/plain")
    yield create("as a form", "widget_type=chat&name=a", "application/x-www-form-urlencoded")


def encodings() -> Iterator[Case]:
    text = '{"widget_type":null,"name":"é"}'
    yield update("with a BOM", text.encode("utf-8-sig"))
    yield update("with a BOM and malformed JSON", "{".encode("utf-8-sig"))
    yield update("with a BOM alone", b"\xef\xbb\xbf")
    yield update("with a BOM twice", b"\xef\xbb\xbf" + text.encode("utf-8-sig"))
    yield update("with a space before a BOM", b" " + text.encode("utf-8-sig"))
    yield update("in UTF-16 with a BOM", b"\xff\xfe" + text.encode("utf-16-le"))
    yield update("in UTF-16, little-endian", text.encode("utf-16-le"))
    yield update("in UTF-16, big-endian", text.encode("utf-16-be"))
    yield update("in UTF-32, little-endian", text.encode("utf-32-le"))
    yield update("in Latin-1", text.encode("latin-1"))
    yield update("with a byte that is never UTF-8", b'{"widget_type":null,"name":"\xff"}')
    yield update("with a character that is cut short", b'{"widget_type":null,"name":"\xe2\x82"}')
    yield update("with an overlong encoding", b'{"widget_type":null,"name":"\xc0\xaf"}')
    yield update("with a surrogate in UTF-8", b'{"widget_type":null,"name":"\xed\xa0\x80"}')
    yield update("with a code point past the last", b'{"widget_type":null,"name":"\xf4\x90\x80\x80"}')
    yield update("with bytes that are not UTF-8 under an unknown key", b'{"widget_type":null,"x":"\xff"}')
    yield update("with bytes that are not UTF-8 and malformed JSON", b'{"widget_type":"\xff"')
    yield update("with malformed JSON before bytes that are not UTF-8", b'{,"name":"\xff"}')
    yield update("with bytes that are not UTF-8 outside strings", b'\xff{"widget_type":null}')
    yield create("with bytes that are not UTF-8", b"\x80")


def path_and_body() -> Iterator[Case]:
    bodies = {
        "a good body": '{"widget_type":null}',
        "a missing key": "{}",
        "faults in the body": '{"widget_type":"fax","name":1}',
        "malformed JSON": "{",
        "bytes that are not UTF-8": b"\xff",
        "an array as the body": "[]",
        "null as the body": "null",
        "no body": None,
    }
    for words, body in bodies.items():
        yield with_body(f"update a wrong id with {words}", "PUT", "/api/v1/widget/abc?api_key={key}", body)
    yield with_body("update a wrong id as text/plain", "PUT", "/api/v1/widget/abc?api_key={key}", "{}", "text/plain")
    yield with_body("get with a malformed body", "GET", WIDGET, "{")
    yield with_body("delete with a malformed body", "DELETE", WIDGET, "{")
    yield with_body("list with a malformed body", "GET", LIST, "{")


INTEGERS = {
    "0": "0",
    "1": "1",
    "-1": "-1",
    "-0": "-0",
    "00": "00",
    "01": "01",
    "+1": "%2B1",
    "+0": "%2B0",
    "++1": "%2B%2B1",
    "-+1": "-%2B1",
    "--1": "--1",
    "+-1": "%2B-1",
    "- 1": "-%201",
    "+ 1": "%2B%201",
    "+": "%2B",
    "-": "-",
    "1 between spaces": "%201%20",
    "1 between spaces written as plus signs": "+1+",
    "1 between tabs": "%091%09",
    "1 before a line end": "1%0A",
    "1 between no-break spaces": "%C2%A01%C2%A0",
    "1 between next-line characters": "%C2%851%C2%85",
    "1 between ideographic spaces": "%E3%80%801%E3%80%80",
    "1 between information separators": "%1C1%1F",
    "1 between zero-width spaces": "%E2%80%8B1%E2%80%8B",
    "1 after NUL": "%001",
    "1 after a BOM": "%EF%BB%BF1",
    "10 with a space inside": "1%200",
    "a space": "%20",
    "1.0": "1.0",
    "1.": "1.",
    "1.00 of many zeros": "1.0000000000000000000000",
    "1.5": "1.5",
    ".0": ".0",
    "0.0": "0.0",
    "-1.0": "-1.0",
    "01.0": "01.0",
    "+1.0": "%2B1.0",
    "1.0 between spaces": "%201.0%20",
    "1.0.0": "1.0.0",
    "1.0_0": "1.0_0",
    "1_0.0": "1_0.0",
    "1,0": "1,0",
    "1e0": "1e0",
    "1e2": "1e2",
    "1_0": "1_0",
    "1_000": "1_000",
    "1__0": "1__0",
    "_1": "_1",
    "1_": "1_",
    "0_": "0_",
    "0_0": "0_0",
    "0_1": "0_1",
    "0__1": "0__1",
    "00_1": "00_1",
    "0_1_0": "0_1_0",
    "0_1__0": "0_1__0",
    "0_.0": "0_.0",
    "1_.0": "1_.0",
    "1._0": "1._0",
    "+1_0": "%2B1_0",
    "+_1": "%2B_1",
    "-_1": "-_1",
    "-0_": "-0_",
    "-0__1": "-0__1",
    "0x10": "0x10",
    "0b1": "0b1",
    "an Arabic digit": "%D9%A3",
    "a full-width digit": "%EF%BC%91",
    "a superscript digit": "%C2%B2",
    "a fraction in one character": "%C2%BD",
    "a byte that is not UTF-8": "%FF",
    "abc": "abc",
    "1abc": "1abc",
    "1 in quotes": "%221%22",
    "true": "true",
    "null": "null",
    "NaN": "NaN",
    "inf": "inf",
    "nothing": "",
    "an encoded 1": "%31",
    "an encoded 0": "%30",
    "2^31": "2147483648",
    "2^63 - 1": "9223372036854775807",
    "2^63": "9223372036854775808",
    "2^64": "18446744073709551616",
    "-2^63 - 1": "-9223372036854775809",
    "20 digits": "12345678901234567890",
    "20 digits and .0": "12345678901234567890.0",
    "300 digits": "9" * 300,
    "minus 300 digits": "-" + "9" * 300,
}


def pages() -> Iterator[Case]:
    for words, text in INTEGERS.items():
        yield Case(f"list with page {words}", "GET", f"{LIST}&page={text}")
    for words in (
        "0",
        "1",
        "100",
        "101",
        "-1",
        "1.0",
        "101.0",
        "1.5",
        "1_0",
        "1_000",
        "+1",
        "abc",
        "nothing",
        "20 digits",
    ):
        yield Case(f"list with size {words}", "GET", f"{LIST}&size={INTEGERS.get(words, words)}")
    yield Case("list with a page of 5000 digits", "GET", f"{LIST}&page={'1' * 5000}")
    yield Case("list with a page of 5000 zeros and 1", "GET", f"{LIST}&page={'0' * 5000}1")
    queries = {
        "page and size": "page=3&size=20",
        "size before page": "size=20&page=3",
        "both wrong": "page=0&size=101",
        "both wrong, size first": "size=abc&page=abc",
        "page wrong alone": "page=0&size=20",
        "page twice": "page=2&page=3",
        "page twice, the last wrong": "page=2&page=abc",
        "page twice, the first wrong": "page=abc&page=2",
        "page twice, the last empty": "page=2&page=",
        "page without an equals sign": "page",
        "page without an equals sign and size": "page&size=5",
        "page with two equals signs": "page==1",
        "page in title case": "Page=0",
        "page in upper case": "PAGE=0",
        "page in brackets": "page[]=0",
        "page with its name encoded": "p%61ge=0",
        "a space behind page": "page%20=0",
        "a semicolon for an ampersand": "page=2;size=3",
        "an encoded ampersand": "page=2%26size=3",
        "ampersands too many": "&&page=2&&size=3&",
        "an unknown parameter": "limit=abc&page=2",
        "a parameter without a name": "=5&page=2",
    }
    for words, query in queries.items():
        yield Case(f"list with {words}", "GET", f"{LIST}&{query}")
    yield Case("list with page before the key", "GET", "/api/v1/widget?page=abc&api_key={key}")
    yield Case("list of an assistant with page and size", "GET", f"{OF_ASSISTANT}&page=3&size=20")
    yield Case("list of an assistant with both wrong", "GET", f"{OF_ASSISTANT}&size=0&page=x")
    yield Case("list of a wrong assistant with page wrong", "GET", "/api/v1/assistant/abc/widgets?api_key={key}&page=0")
    yield Case(
        "list of a wrong assistant with all wrong", "GET", "/api/v1/assistant/x/widgets?size=101&page=0&api_key={key}"
    )
    yield with_body("create with a page that is wrong", "POST", f"{LIST}&page=0", REQUIRED)


def methods() -> Iterator[Case]:
    paths = {
        "/api/v1/widget": "the widgets",
        f"/api/v1/widget/{ID}": "a widget",
        f"/api/v1/widget/{ID}/parameters": "parameters",
        f"/api/v1/assistant/{ID}/widgets": "an assistant's widgets",
    }
    right = {
        "the widgets": ("GET", "POST"),
        "a widget": ("GET", "PUT", "DELETE"),
        "parameters": ("GET",),
        "an assistant's widgets": ("GET",),
    }
    for path, words in paths.items():
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"):
            if method not in right[words]:
                yield Case(f"{method} on {words}", method, f"{path}?api_key={{key}}")
        for method in ("GET", "POST", "PATCH"):
            yield Case(f"{method} on {words} with a slash behind", method, f"{path}/?api_key={{key}}")
        yield Case(f"GET on {words} with a slash behind, without a key", "GET", f"{path}/")
    yield Case("PATCH on the widgets without a key", "PATCH", "/api/v1/widget")
    yield Case("PATCH on a widget of a wrong id", "PATCH", "/api/v1/widget/abc?api_key={key}")
    yield with_body("PATCH on a widget with a malformed body", "PATCH", WIDGET, "{")
    preflight = (("origin", "https://example.com"), ("access-control-request-method", "POST"))
    yield Case("preflight on the widgets", "OPTIONS", "/api/v1/widget", preflight)


def routes() -> Iterator[Case]:
    unknown = {
        "the prefix": "/api/v1",
        "the prefix with a slash": "/api/v1/",
        "the widgets in the plural": "/api/v1/widgets",
        "the widgets in title case": "/api/v1/Widget",
        "another version": "/api/v2/widget",
        "a version of two digits": "/api/v10/widget",
        "a doubled slash": "/api/v1//widget",
        "a doubled slash before the id": f"/api/v1/widget//{ID}",
        "a doubled slash behind the widgets": "/api/v1/widget//",
        "two slashes behind the id": f"/api/v1/widget/{ID}//",
        "a doubled slash before parameters": f"/api/v1/widget/{ID}//parameters",
        "parameters of no id": "/api/v1/widget//parameters",
        "parameters in title case": f"/api/v1/widget/{ID}/Parameters",
        "something under parameters": f"/api/v1/widget/{ID}/parameters/x",
        "something else under an id": f"/api/v1/widget/{ID}/x",
        "the assistants": "/api/v1/assistant",
        "an assistant": f"/api/v1/assistant/{ID}",
        "widgets of no assistant": "/api/v1/assistant//widgets",
        "a widget of an assistant": f"/api/v1/assistant/{ID}/widgets/{ID}",
        "widget of an assistant in the singular": f"/api/v1/assistant/{ID}/widget",
        "the path's last letter encoded": "/api/v1/widge%74",
        "a space behind the widgets": "/api/v1/widget%20",
        "parameters as an id": "/api/v1/widget/parameters",
    }
    for words, path in unknown.items():
        yield Case(f"GET on {words}", "GET", f"{path}?api_key={{key}}")
    yield Case("GET on an unknown route without a key", "GET", "/api/v1/x")
    yield Case("HEAD on an unknown route", "HEAD", "/api/v1/x?api_key={key}")
    yield Case("OPTIONS on an unknown route", "OPTIONS", "/api/v1/x?api_key={key}")
    yield with_body("POST on an unknown route with a malformed body", "POST", "/api/v1/x?api_key={key}", "{")
    yield with_body(
        "POST on the widgets with a slash behind and a body", "POST", "/api/v1/widget/?api_key={key}", REQUIRED
    )


def api_keys() -> Iterator[Case]:
    for words, query in {"no key": "", "an empty key": "?api_key=", "a key without an equals sign": "?api_key"}.items():
        yield with_body(f"create with {words}", "POST", f"/api/v1/widget{query}", REQUIRED)
        yield with_body(f"update with {words}", "PUT", f"/api/v1/widget/{ID}{query}", {"widget_type": None})
        yield Case(f"list with {words}", "GET", f"/api/v1/widget{query}")
        yield Case(f"get with {words}", "GET", f"/api/v1/widget/{ID}{query}")
        yield Case(f"delete with {words}", "DELETE", f"/api/v1/widget/{ID}{query}")
        yield Case(f"list of an assistant with {words}", "GET", f"/api/v1/assistant/{ID}/widgets{query}")
    queries = {
        "the key twice": "api_key={key}&api_key={key}",
        "the key and then an empty one": "api_key={key}&api_key=",
        "an empty key and then the key": "api_key=&api_key={key}",
        "the key's name in upper case": "API_KEY={key}",
        "the key's name encoded": "api%5Fkey={key}",
        "a hyphen in the key's name": "api-key={key}",
    }
    for words, query in queries.items():
        yield Case(f"list with {words}", "GET", f"/api/v1/widget?{query}")
    yield Case("get a wrong id without a key", "GET", "/api/v1/widget/abc")
    yield Case("get the parameters of a wrong id with an empty key", "GET", "/api/v1/widget/abc/parameters?api_key=")
    yield Case("list without a key, both wrong", "GET", "/api/v1/widget?page=0&size=0")
    yield Case("list of a wrong assistant without a key", "GET", "/api/v1/assistant/abc/widgets?page=0")
    bodies = {
        "an empty object": "{}",
        "faults": '{"widget_type":1}',
        "malformed JSON": "{",
        "bytes that are not UTF-8": b"\xff",
        "an array": "[]",
        "nothing": None,
    }
    for words, body in bodies.items():
        yield with_body(f"create without a key and with {words} as the body", "POST", "/api/v1/widget", body)
    yield with_body("create as text/plain without a key", "POST", "/api/v1/widget", "{", "text/plain")
    yield with_body("update a wrong id without a key and with malformed JSON", "PUT", "/api/v1/widget/abc", "{")
    yield with_body("update a wrong id without a key and with faults", "PUT", "/api/v1/widget/abc", "{}")


FAMILIES = [
    successes,
    types,
    enums,
    lists,
    objects,
    required,
    several_faults,
    keys,
    uuids,
    booleans,
    free_form,
    unicode,
    malformed,
    whole_bodies,
    content_types,
    encodings,
    path_and_body,
    pages,
    methods,
    routes,
    api_keys,
]


# Recording


def record(client: TestClient, case: Case) -> dict[str, Any]:
    path = case.path.replace("{key}", "in-key")
    request = client.build_request(case.method, path, headers=list(case.headers), content=case.body)
    assert request.url.raw_path.decode() == path, f"{case.name}: {path} is sent as {request.url.raw_path.decode()}"
    answer = client.send(request, follow_redirects=False)

    sent: dict[str, Any] = {"method": case.method, "path": case.path, "headers": case.headers}
    if case.body is not None:
        try:
            sent["body"] = case.body.decode()
        except UnicodeDecodeError:
            sent["body_base64"] = base64.b64encode(case.body).decode()
    received: dict[str, Any] = {"status": answer.status_code}
    if answer.content:
        received["body"] = answer.text if answer.status_code == 500 else answer.json()
    if "allow" in answer.headers:
        received["allow"] = answer.headers["allow"]
    return {"name": case.name, "request": sent, "response": received}


def main() -> None:
    cases = [case for family in FAMILIES for case in family()]
    names = [case.name for case in cases]
    repeated = {name for name in names if names.count(name) > 1}
    assert not repeated, f"names that are not unique: {sorted(repeated)}"

    client = TestClient(app, raise_server_exceptions=False)
    vectors = [record(client, case) for case in cases]
    output = Path(__file__).with_name("vectors.json")
    output.write_text(json.dumps(vectors, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    print(f"{len(vectors)} vectors in {output.name}")


if __name__ == "__main__":
    main()
