"""Debian packages as sources of pictures: fetching, unpacking, and who may do what with which file."""

import fnmatch
import glob
import os
import re
import subprocess


def fetch(package, folder):
    """Path of the package file in the folder; downloaded if it is not there. Nothing is installed."""
    there = lambda: sorted(glob.glob(os.path.join(glob.escape(folder), package + "_*.deb")))
    if not there():
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
    return there()[-1]


def unpack(deb, folder):
    subprocess.run(["dpkg", "-x", deb, folder], check=True)


def version(deb):
    return subprocess.run(["dpkg-deb", "-f", deb, "Version"], check=True, capture_output=True, text=True).stdout.strip()


def paragraphs(text):
    """The paragraphs of a machine-readable `copyright` file that speak of files, each a dict of its fields."""
    found = []
    for block in re.split(r"\n[ \t]*\n", text):
        fields, name = {}, None
        for line in block.splitlines():
            if line[:1].isspace():
                fields[name] += "\n" + line.strip()
            elif ":" in line:
                name, value = line.split(":", 1)
                fields[name] = value.strip()
        if "Files" in fields:
            found.append(fields)
    return found


def credits(text):
    """File name -> facts, from a README that lists copyright, source, licence and names in blocks."""
    found = {}
    for block in re.split(r"\n[ \t]*\n", text):
        fields, names, listed = {}, [], False
        for line in block.splitlines():
            field = re.match(r"(Copyright|Source|License|Files|Comments?):\s*(.*)", line)
            if field:
                listed = field[1] == "Files"
                fields[field[1]] = field[2].strip()
            names += [field[2] if field else line] if listed else []
        for name in names:
            if name.strip() and "License" in fields:
                found[name.strip()] = dict(author=fields.get("Copyright", ""), licence=spelled(fields["License"]),
                                           source=fields.get("Source", ""))
    return found


def spelled(licence):
    """The name of a licence as Debian spells it: `Public Domain` is `public-domain`, `CC-BY 2.0` is `CC-BY-2.0`."""
    return "public-domain" if licence.lower() == "public domain" else licence.strip().replace(" ", "-")


def covering(found, path):
    """Facts of the paragraph that covers a path, or None: the last whose patterns match, as the format has it."""
    matching = [f for f in found if any(fnmatch.fnmatchcase(path, pattern) for pattern in f["Files"].split())]
    if not matching:
        return None
    url = re.search(r"https?://\S+", matching[-1].get("Comment", ""))
    return dict(author=" / ".join(matching[-1]["Copyright"].split("\n")), licence=matching[-1]["License"].split("\n")[0],
                source=url.group() if url else "")
