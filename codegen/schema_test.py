"""The notation's parser: what it accepts and what it refuses."""

import os
import tempfile
import unittest

import cpp
import generate
import schema
from schema import NotationError, Parser, Versions


def parse(text):
    return Parser("test.msg", text)


class Notation(unittest.TestCase):
    HEAD = "data Thing versions 0-3 flexible 2+\n"

    def fields(self, body):
        return parse(self.HEAD + body).parse()[1][0].fields

    def refused(self, text, why):
        with self.assertRaisesRegex(NotationError, why):
            parse(text).parse()

    def test_versions(self):
        self.assertEqual(Versions.parse("3"), Versions(3, 3))
        self.assertEqual(Versions.parse("1-4"), Versions(1, 4))
        self.assertEqual(Versions.parse("2+"), Versions(2, schema.NEWEST))
        for text in ("", "a", "1-", "-1", "1+2"):
            with self.assertRaises(NotationError):
                Versions.parse(text)

    def test_a_field_has_all_versions_unless_it_says_otherwise(self):
        field = self.fields("  Id  int32\n")[0]
        self.assertEqual((field.name, field.base, field.versions), ("Id", "int32", Versions(0, 3)))
        self.assertFalse(field.is_nullable or field.ignorable or field.is_array)

    def test_every_part_of_a_field(self):
        field = self.fields("  Names  [string]?3+  2+ tag 0 ignorable\n")[0]
        self.assertTrue(field.is_array and field.ignorable)
        self.assertEqual(field.versions, Versions(2, 3))
        self.assertEqual(field.nullable, Versions(3, 3))
        self.assertEqual(field.tag, 0)
        self.assertEqual(self.fields("  Id  int32  1-2 = -1 ignorable\n")[0].default, "-1")

    def test_structs_come_before_their_users(self):
        text = self.HEAD + ("  Outer  [Outer]  1+\n    Inner  Inner\n    Again  [Shared]\n"
                            "  Other  Shared\n\nstruct Shared versions 1+\n  Id  int16\n")
        text = text.replace("    Inner  Inner\n", "    Inner  Inner\n      Flag  bool\n")
        message = parse(text).parse()[1][0]
        self.assertEqual([s.name for s in message.structs], ["Inner", "Shared", "Outer"])
        self.assertEqual(message.struct("Inner").versions, Versions(1, 3))
        self.assertEqual(message.struct("Shared").versions, Versions(1, 3))

    def test_comments_and_empty_lines(self):
        self.assertEqual(len(self.fields("# about\n\n  Id  int32\n\n  # more\n  Name  string\n")), 2)

    def test_an_api_gives_its_versions_to_both_messages(self):
        api, messages = parse("api 9 Do versions 1-2\n  listeners broker\n  listed from 0\n  forwardable\n\n"
                              "request\n  Id  int8\n\nresponse\n").parse()
        self.assertEqual((api.key, api.listeners, api.listed_from), (9, ["broker"], 0))
        self.assertTrue(api.forwardable)
        self.assertEqual([m.name for m in messages], ["DoRequest", "DoResponse"])
        self.assertEqual(messages[1].versions, Versions(1, 2))

    def test_refusals(self):
        for body, why in (
                ("  Id\n", "not a field"),
                ("  Id  int12\n", "unknown type"),
                ("  Id  int32?\n", "cannot be null"),
                ("  Id  [bool]\n", "arrays of bool"),
                ("  Id  string?1+ = null\n", "nullable in all its versions"),
                ("  Id  int32  5+\n", "exists in no version"),
                ("  Id  int32  surprise\n", "not a field"),
                ("  Records  records  2+ tag 0\n", "cannot be tagged"),
                ("  Id  int32\n    Inner  int32\n", "has no fields"),
                ("   Id  int32\n", "expected 2 spaces"),
                ("  Id  int32  2+ tag 1\n", "tags of Thing"),
                ("  Other  Nowhere\n", "is not defined"),
                ("  A  A\n    Id  int8\n  B  [A]\n    Id  int8\n", "defined twice"),
                ("  A  A\n\nstruct A\n  Again  [A]\n", "contains itself"),
                ("  Id  int8\n\nstruct A\n  Id  int8\n", "is not used")):
            self.refused(self.HEAD + body, why)
        self.refused("message X\n", "unknown block")
        self.refused("data X\n", "expected: versions")
        self.refused("api 1 X versions 0\n  colour green\n", "unknown property")


class Generator(unittest.TestCase):
    def test_conditions_say_only_what_is_not_known(self):
        known = Versions(2, 5)
        self.assertIsNone(cpp.condition(Versions(0, schema.NEWEST), known))
        self.assertEqual(cpp.condition(Versions(3, schema.NEWEST), known), "v >= 3")
        self.assertEqual(cpp.condition(Versions(0, 4), known), "v <= 4")
        self.assertEqual(cpp.condition(Versions(3, 4), known), "v >= 3 && v <= 4")
        self.assertEqual(cpp.condition(Versions(6, 7), known), "false")

    def test_a_file_with_the_same_text_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a/b.h")
            generate.write(folder, "a/b.h", "text")
            os.utime(path, (1, 1))
            generate.write(folder, "a/b.h", "text")
            self.assertEqual(os.path.getmtime(path), 1)
            generate.write(folder, "a/b.h", "other")
            self.assertNotEqual(os.path.getmtime(path), 1)


if __name__ == "__main__":
    unittest.main()
