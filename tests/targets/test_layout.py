"""Messages become a prompt: by the model's template in a sandbox, or as plain text."""

from __future__ import annotations

import pytest

from edgebench.errors import TargetError
from edgebench.records import Message
from edgebench.targets import layout

pytest.importorskip("llama_cpp")

SIMPLE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('no system here') }}{% endif %}" + SIMPLE
CASE = (Message("system", "Be kind."), Message("user", "hi"), Message("assistant", "hello"), Message("user", "bye"))


def test_a_template_lays_messages_out() -> None:
    """Roles and contents stand where the template puts them."""
    made = layout.chat(SIMPLE, bos="<s>", eos="</s>")(CASE)
    assert made == "<system>Be kind.<user>hi<assistant>hello<user>bye<assistant>"


def test_a_template_that_refuses_system_messages_gets_the_words_with_the_first_user_message() -> None:
    """Nothing the prompting said is lost."""
    made = layout.chat(NO_SYSTEM, bos="", eos="")(CASE)
    assert made == "<user>Be kind.\n\nhi<assistant>hello<user>bye<assistant>"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append({'role': 'user', 'content': 'x'}) }}",
        "{% for i in range(999999999) %}x{% endfor %}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% endfor %}",
    ],
    ids=["classes", "mutation", "huge range", "globals", "syntax"],
)
def test_a_hostile_or_broken_template_is_load_failed(template: str) -> None:
    """Templates come from strangers' files: what leaves the sandbox, or is no template, is refused in a sentence."""
    with pytest.raises(TargetError, match="chat template cannot be used") as caught:
        layout.chat(template, bos="", eos="")
    assert (caught.value.kind, caught.value.fatal) == ("load_failed", True)


def test_plain_text_ends_where_the_answer_begins() -> None:
    """A base model sees the instruction, solved cases and an open one."""
    assert layout.raw(CASE) == "Be kind.\n\nInput:\nhi\nAnswer:\nhello\n\nInput:\nbye\nAnswer:\n"
