# Java puts mlx4j_worker/installed.py before this. Arguments: "seal" and the locked distributions, or "check".
# Prints one line of JSON: what differs, a sentence for each file; null if setup never listed the files.
import json

differing = seal(set(sys.argv[2:])) if sys.argv[1] == "seal" else changed_files()  # noqa: F821
print(json.dumps(differing))
