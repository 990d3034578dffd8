"""What the checks share: the files of the repository, and how a finding is told."""
import subprocess
import sys


def tracked(*endings):
    """Names of tracked and new files that end so; no fuzz inputs."""
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                         check=True, stdout=subprocess.PIPE).stdout.decode()
    names = sorted(set(filter(None, out.split("\0"))))
    return [n for n in names
            if "/corpus/" not in n and (not endings or n.endswith(endings))]


def lines(name):
    """The lines of a text file; none of what is no text or was deleted."""
    try:
        with open(name, encoding="utf-8") as f:
            return f.read().split("\n")
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return []


class Findings:
    def __init__(self):
        self.n = 0

    def add(self, name, line, what):
        print("%s:%d: %s" % (name, line, what))
        self.n += 1

    def end(self):
        sys.exit(1 if self.n else 0)
