"""Configuration as the library finds it: file, environment, code; what is redacted stays out of the file."""

import ast
import inspect
import os
import subprocess
import sys
import unittest
import warnings

import xrayfile as xray
from support import MODULE, TraceTest, run_script


class Found(TraceTest):
    """In a directory below one with an xray.config.yaml."""

    def setUp(self):
        super().setUp()
        self.root = os.path.realpath(self._directory.name)
        self.below = os.path.join(self.root, "a", "b")
        os.makedirs(self.below)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.below)
        before = dict(os.environ)
        self.addCleanup(lambda: (os.environ.clear(), os.environ.update(before)))
        for name in [n for n in os.environ if n.startswith("XRAY_") and n not in ("XRAY_LIB", "XRAY_BUILD", "XRAY_IMPORT")]:
            del os.environ[name]
        xray._warned.clear()

    def write(self, text, mode=0o600):
        path = os.path.join(self.root, "xray.config.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def load(self, **values):
        """The configuration, and the warnings on the way."""
        xray.reset_config()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            config = xray.configure(**values) if values else xray.get_config()
        return config, [str(w.message) for w in caught]

    def test_nothing(self):
        config, told = self.load()
        self.assertEqual((config.dir, config.detail, config.sample, config.redact, told), (".xray", "full", None, (), []))

    def test_order(self):
        self.write("sdk:\n  dir: from-file\n  detail: summary\n  sample_rate: 0.25\n  flush: run\n  flush_interval: 250ms\n"
                   "  on_error: log\n  strict: no\n  enabled: true\n  redact: [password, '/sk-[a-z]+/i']\n")
        config, told = self.load()
        self.assertEqual(told, [])
        self.assertEqual(config.dir, os.path.join(self.root, "from-file"))
        self.assertEqual((config.detail, config.sample, config.flush, config.flush_interval, config.on_error.value),
                         ("summary", xray.Rate(0.25), "run", 0.25, "log"))
        self.assertEqual(config.redact, ("password", "/sk-[a-z]+/i"))
        os.environ["XRAY_DETAIL"] = "full"
        os.environ["XRAY_DIR"] = "from-env"
        config, _ = self.load()
        self.assertEqual((config.detail, config.dir, config.flush), ("full", "from-env", "run"))
        os.environ["XRAY_ON_ERROR"] = "raise"
        for alias in ("on_error", "fallback_mode"):
            config, _ = self.load(dir="from-code", **{alias: "silent"})
            self.assertEqual((config.dir, config.detail, config.on_error.value), ("from-code", "full", "silent"))

    def test_bad_values(self):
        self.write("sdk:\n  detail: everything\n  flush_interval: soon\n  nonsense: 1\n  dir: ok\n")
        config, told = self.load()
        self.assertEqual((config.detail, config.flush_interval, os.path.basename(config.dir)), ("full", 1.0, "ok"))
        self.assertEqual(len(told), 3, told)
        self.assertRegex(told[0], r"xray\.config\.yaml:2: detail takes full or summary")
        self.assertEqual(self.load()[1], [])  # once
        for wrong in ({"flush": "never"}, {"flush_interval": 0}, {"sample": -0.5}, {"level": 20}):
            with self.assertRaises(ValueError, msg=str(wrong)):
                xray.configure(**wrong)

    def test_keys_of_a_server(self):
        self.write("sdk:\n  base_url: https://x.example\n  api_key: ${XRAY_API_KEY}\n  buffer_size: 1000\n"
                   "  flush_interval: 5.0\n  default_detail: summary\n  log_file_path: ${WHERE:-here}\n"
                   "api:\n  database_url: postgresql://localhost/xray\n")
        config, told = self.load()
        self.assertEqual((config.detail, config.flush_interval, config.dir),
                         ("summary", 5.0, os.path.join(self.root, "here")))
        self.assertEqual(len(told), 1, told)
        for key in ("base_url", "api_key", "buffer_size"):
            self.assertIn(key, told[0])
        os.environ["WHERE"] = "/there"
        self.assertEqual(self.load()[0].dir, "/there")

    def test_client_reads_the_file(self):
        self.write(f"sdk:\n  dir: {self.store}\n  buffer_size: 1000\n  flush_interval: 5.0\n  default_detail: full\n")
        xray.reset_config()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", xray.XRayWarning)
            client = xray.XRayClient()
        self.assertEqual(client.config.dir, self.store)
        with xray.run("found") as run, run.step("s", type="filter") as st:
            st.accept("a")
        self.assertEqual([r["pipeline"] for r in self.runs()], ["found"])

    def test_others_can_write_it(self):
        for mode in (0o620, 0o602):
            self.write("sdk:\n  dir: /evil\n", mode)
            xray._warned.clear()
            config, told = self.load()
            self.assertEqual(config.dir, ".xray")
            self.assertEqual(len(told), 1, told)
            self.assertIn("others can write it", told[0])

    def test_disabled_by_file(self):
        self.write(f"sdk:\n  dir: {self.store}\n  enabled: false\n")
        self.load()
        with xray.run("p"):
            pass
        self.assertFalse(os.path.exists(self.store))


class Redaction(TraceTest):
    def stored(self):
        """All bytes of the store, decompressed."""
        xray.shutdown()
        paths = [os.path.join(self.store, name) for name in os.listdir(self.store)]
        return b"".join(subprocess.run(["zstd", "-dcq", path], capture_output=True, check=True).stdout for path in paths)

    def write(self, **config):
        xray.configure(dir=self.store, on_error="raise", **config)
        with xray.run("p", input={"q": "my key is sk-live-hush1", "n": 1}, tags={"t": "sk-live-hush2"}) as run:
            with run.step("s", type="filter") as st:
                st.set_output(["x", {"deep": "sk-live-hush3"}]).set_reasoning("for sk-live-hush4")
                st.reject("a", "r", {"why": "sk-live-hush5", "PassWord": "hush6", "price": 1})
                st.candidates(["b", "c"], evidence={"why": ["sk-live-hush7", "fine"]})
                st.accept("sk-live-hush8")
                st.note("n", body="sk-live-hush9")
                st.decide("d", selected="b", reason="sk-live-hush0")
                st.set_error(ValueError("bad sk-live-hushe"))
            run.set_output({"big": "x" * 300 + "sk-live-hushb", "password": {"deep": "hushp"}})

    def test_leaves_no_trace(self):
        self.write(redact=["password", "/sk-[a-z]+-\\w+/i"], max_value=512)
        data = self.stored()
        self.assertNotIn(b"hush", data)
        self.assertIn(b"filter", data)  # it is what was written
        self.assertEqual(self.cands()[0]["evidence"]["price"], 1)

    def test_of_fixed_files(self):
        self.write(redact="password, /sk-[a-z]+-\\w+/i", fixed={"id": "00" * 16, "time_ns": 1, "tick_ns": 1})
        self.assertNotIn(b"hush", self.stored())

    def test_what_is_looked_for_is_there_without(self):
        self.write()
        self.assertIn(b"hush", self.stored())

    def test_no_half_of_a_secret(self):
        """A text that is too long is cut only where no pattern is looked for in it."""

        class Wordy:
            def __repr__(self):
                return "x" * 985 + "sk-live-hush12345678END"

        for rules, found in ((["/sk-live-hush[0-9]{8}END/"], 0), ([], 2)):
            xray.configure(dir=self.store, on_error="raise", redact=rules)
            with xray.run("p", input={"o": Wordy(), "of": [{Wordy(): 1}]}):
                pass
            self.assertEqual(self.stored().count(b"sk-live-hush"), found)
            self.assertIn("Wordy", str(self.runs()[-1]["input"])) if rules else None

    def test_bad_pattern_records_nothing(self):
        with self.assertRaisesRegex(xray.XRayError, "redact: pattern"):
            self.write(redact=["/(/"])


class Weights(TraceTest):
    def test_estimates(self):
        """Sums of weights estimate totals: over many steps within a few standard errors of the truth."""
        xray.configure(dir=self.store, on_error="raise", sample=xray.Smart(10, 2))
        steps, of_each = 60, 300
        with xray.run("p", id="the same each time") as run:
            for _ in range(steps):
                with run.step("s", type="filter") as st:
                    for i in range(of_each):
                        st.accept(f"a{i}") if i % 3 == 0 else st.reject(f"r{i}", "no")
        cands = self.cands()
        self.assertLess(len(cands), steps * of_each / 3)
        weights = [c.get("weight", 1) for c in cands]
        self.assertGreater(max(weights), 10)
        total, accepted = sum(weights), sum(w for c, w in zip(cands, weights) if c["verdict"] == "accept")
        # Var = sum of (1 - p) / p = sum of (i / keep - 1), about 300^2 / 20 for each step.
        bound = 5 * (steps * of_each**2 / 20) ** 0.5
        self.assertLess(abs(total - steps * of_each), bound)
        self.assertLess(abs(accepted - steps * of_each / 3), bound)

    def test_rate_is_the_librarys(self):
        xray.configure(dir=self.store, on_error="raise", sample_rate=0.25)
        with xray.run("p") as run:
            for name in ("first", "second"):
                with run.step(name, type="filter") as st:
                    st.candidates([f"c{i}" for i in range(400)])
        self.assertEqual({s["candidates_in"] for s in self.steps().values()}, {400})
        first, second = ([c["item"] for c in self.cands(n)] for n in (1, 2))
        self.assertEqual(first, second)  # who is kept is kept in all steps
        self.assertTrue(50 < len(first) < 150, len(first))
        self.assertEqual({c["weight"] for c in self.cands()}, {4})


class Source(unittest.TestCase):
    def test_is_of_python_3_9(self):
        with open(os.path.join(MODULE, "xrayfile.py"), encoding="utf-8") as file:
            text = file.read()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ast.parse(text, "xrayfile.py", feature_version=(3, 9))
        with self.assertRaises(SyntaxError):  # the check can fail
            ast.parse("match x:\n    case 1: pass\n", feature_version=(3, 9))

    def test_imports_without_a_warning(self):
        done = subprocess.run([sys.executable, "-W", "error", "-c", "import xrayfile"], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": MODULE}, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_annotations(self):
        """Every public function and method says what it takes and returns."""
        missing, seen = [], 0
        for name in xray.__all__:
            thing = getattr(xray, name)
            functions = [(name, thing)] if inspect.isfunction(thing) else []
            if inspect.isclass(thing):
                for member, value in vars(thing).items():
                    value = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
                    if inspect.isfunction(value) and value.__module__ == "xrayfile" and (
                            not member.startswith("_") or member == "__init__"):
                        functions.append((f"{name}.{member}", value))
            for called, function in functions:
                signature = inspect.signature(function)
                seen += 1
                parameters = list(signature.parameters.values())
                if "." in called and parameters and parameters[0].name in ("self", "cls"):
                    parameters = parameters[1:]
                missing += [f"{called}({p.name})" for p in parameters if p.annotation is p.empty]
                if signature.return_annotation is signature.empty:
                    missing.append(called)
        self.assertEqual(missing, [])
        self.assertGreater(seen, 60)


if __name__ == "__main__":
    unittest.main()
