# SPDX-License-Identifier: Apache-2.0
"""Certificates made at test time by the program openssl: an authority and whatever it vouches for."""

import ssl
import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """Its own certificate is `pem`; what it issues lies in the same folder, as NAME.pem and NAME.key."""

    def __init__(self, folder, name="authority"):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.pem, self.key = folder, folder / f"{name}.pem", folder / f"{name}.key"
        files = ["-keyout", self.key, "-out", self.pem]
        openssl("req", "-x509", *KEY, "-days", 2, "-subj", f"/CN={name}", *files)

    def issue(self, name, days=2, names="DNS:localhost,IP:127.0.0.1"):
        """(certificate, key), for localhost or other names; with fewer than no days it has expired."""
        pem, key, request = (self.folder / f"{name}.{kind}" for kind in ("pem", "key", "csr"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-new", *KEY, "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        signing = ["-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-days", days]
        openssl("x509", "-req", "-in", request, *signing, "-extfile", extensions, "-out", pem)
        return pem, key

    @staticmethod
    def serial(pair):
        """A certificate's serial number, in hexadecimal digits."""
        asked = ["openssl", "x509", "-noout", "-serial", "-in", str(pair[0])]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip().partition("=")[2]

    def context(self, shown=None):
        """For a client that trusts this authority only, and shows the pair `shown`."""
        context = ssl.create_default_context(cafile=self.pem)
        if shown:
            context.load_cert_chain(*shown)
        return context

    def worker(self, shown=None):
        """The same for `Clients.open(…, tls=…)`."""
        pair = {"certificate": str(shown[0]), "key": str(shown[1])} if shown else {}
        return {"ca": str(self.pem), **pair}
