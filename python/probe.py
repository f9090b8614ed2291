# Tells what this interpreter has, as one line of JSON. Reads on any Python from 2.7 on, so that an old one can say so.
# Arguments: "import" or "find" (import packages for real, or only look for them), then the packages' module names.
import json
import os
import platform
import sys

report = {
    "version": list(sys.version_info[:3]),
    "executable": getattr(sys, "_base_executable", None) or sys.executable,  # outside of a virtual environment
    "machine": platform.machine(),
    "versions": {},
    "missing": [],
    "broken": {},
    "userOnly": [],
}
if sys.version_info >= (3, 11):
    import importlib
    import importlib.metadata
    import importlib.util
    import site

    if "INSTALLED" in globals():  # the text of mlx4j_worker/installed.py, which Java puts before this
        installed = {"__name__": "installed"}
        exec(INSTALLED, installed)  # noqa: F821
        installed["guard"]()  # nothing that was added or changed since setup may run here

    names = importlib.metadata.packages_distributions()
    user_site = site.getusersitepackages()
    for module in sys.argv[2:]:
        try:
            found = importlib.util.find_spec(module) is not None
            if found and (sys.argv[1] == "import" or module == "mlx.core"):
                importlib.import_module(module)
        except ModuleNotFoundError as error:
            found = error.name not in (module, module.split(".")[0])
            if found:
                report["broken"][module] = str(error)
        except Exception as error:
            found = True
            report["broken"][module] = "%s: %s" % (type(error).__name__, error)
        top = module.split(".")[0]
        if not found:
            report["missing"].append(module)
            if os.path.isdir(os.path.join(user_site, top)):
                report["userOnly"].append(module)
        else:
            for distribution in names.get(top, []):
                report["versions"][distribution] = importlib.metadata.version(distribution)
sys.stdout.write(json.dumps(report) + "\n")
