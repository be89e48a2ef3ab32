"""Makes the folder of a Samba domain: an Active Directory with Exchange's contact attributes and a reader.

A folder made here is a golden state: it never runs itself, `Controller` runs copies of it. So its parts may
refer to each other only by paths that `write_configuration` writes anew for every copy.
"""

import base64
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.support.ad.certificates import make_authority

REALM = "CORP.EXAMPLE.TEST"
DOMAIN = "CORP"
BASE_DN = "DC=corp,DC=example,DC=test"
ADMIN_DN = f"CN=Administrator,CN=Users,{BASE_DN}"
ADMIN_PASSWORD = "Only-4-this-test-admin"
READER_DN = f"CN=svc-sync,CN=Users,{BASE_DN}"
READER_PASSWORD = "Only-4-this-test-reader"
OUTSIDER_DN = f"CN=outsider,CN=Users,{BASE_DN}"
CONTACTS_DN = f"OU=Contacts,{BASE_DN}"

CONFIGURATION = """\
[global]
	workgroup = {domain}
	realm = {realm}
	netbios name = DC1
	server role = active directory domain controller
	# Nothing but LDAP: the tests don't need Kerberos, DNS, SMB or replication.
	server services = ldap
	disable netbios = yes
	interfaces = {address}/8
	bind interfaces only = yes
	private dir = {folder}/private
	state directory = {folder}/state
	cache directory = {folder}/cache
	lock directory = {folder}/run
	pid directory = {folder}/run
	ncalrpc dir = {folder}/run/rpc
	binddns dir = {folder}/dns
	ntp signd socket directory = {folder}/ntp
	winbindd socket directory = {folder}/run/winbindd
	log file = {folder}/log/log.%m
	logging = file
	tls keyfile = {folder}/tls/key.pem
	tls certfile = {folder}/tls/cert.pem
	tls cafile = {folder}/tls/ca.pem
	tls priority = NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2
[sysvol]
	path = {folder}/state/sysvol
	read only = no
[netlogon]
	path = {folder}/state/sysvol/scripts
	read only = no
"""

# Exchange adds these to a schema. oMSyntax 1 is a Boolean, 64 a Unicode string.
EXCHANGE_ATTRIBUTES = (
    ("ms-Exch-Hide-From-Address-Lists", "msExchHideFromAddressLists", "1.2.840.113556.1.2.73", "2.5.5.8", 1),
    ("ms-Exch-Mail-Nickname", "mailNickname", "1.2.840.113556.1.2.447", "2.5.5.12", 64),
    ("ms-Exch-Target-Address", "targetAddress", "1.2.840.113556.1.2.352", "2.5.5.12", 64),
)
SCHEMA_DN = f"CN=Schema,CN=Configuration,{BASE_DN}"
SCHEMA_WRITE = "--option=dsdb:schema update allowed=true"


def provision(folder: Path) -> None:
    """Create a domain in the empty `folder`, with `CONTACTS_DN`, the reader, and no contacts."""
    for name in ("private", "state/sysvol/scripts", "cache", "run", "log", "dns", "ntp", "tls"):
        (folder / name).mkdir(parents=True)
    (folder / "private").chmod(0o700)
    write_configuration(folder, "127.0.0.1")
    make_authority(folder / "tls")
    samba_tool(folder, "domain", "provision", *provision_options())
    extend_schema(folder)
    add_accounts(folder)
    open_deleted_objects(folder)
    ldb(folder, "ldbadd", f"dn: {CONTACTS_DN}\nobjectClass: organizationalUnit\n")


def write_configuration(folder: Path, address: str) -> None:
    """Write `smb.conf` for a domain in `folder` that listens on `address`, in 127.0.0.0/8."""
    values = {"folder": folder, "address": address, "realm": REALM, "domain": DOMAIN}
    (folder / "smb.conf").write_text(CONFIGURATION.format(**values))


def provision_options() -> list[str]:
    names = [f"--realm={REALM}", f"--domain={DOMAIN}", "--host-name=dc1", "--server-role=dc"]
    return [*names, "--dns-backend=NONE", f"--adminpass={ADMIN_PASSWORD}"]


def extend_schema(folder: Path) -> None:
    """Add the three attributes that Exchange adds to contacts and groups to the schema."""
    blocks = [
        f"dn: CN={cn},{SCHEMA_DN}\nobjectClass: attributeSchema\nlDAPDisplayName: {name}\nattributeID: {oid}\n"
        f"attributeSyntax: {syntax}\noMSyntax: {number}\nisSingleValued: TRUE\nsearchFlags: 0\n"
        for cn, name, oid, syntax, number in EXCHANGE_ATTRIBUTES
    ]
    ldb(folder, "ldbadd", "\n".join(blocks), SCHEMA_WRITE)
    uses = "".join(f"mayContain: {name}\n" for _, name, *_ in EXCHANGE_ATTRIBUTES)
    change = f"dn: CN=Mail-Recipient,{SCHEMA_DN}\nchangetype: modify\nadd: mayContain\n{uses}"
    ldb(folder, "ldbmodify", change, SCHEMA_WRITE)


def add_accounts(folder: Path) -> None:
    """Add the reader that the service signs in as, and an outsider with no permissions."""
    for name in ("svc-sync", "outsider"):
        samba_tool(folder, "user", "create", name, READER_PASSWORD)
        samba_tool(folder, "user", "setexpiry", name, "--noexpiry")


def open_deleted_objects(folder: Path) -> None:
    """Let the reader list deleted objects, as administrators do with dsacls on Windows."""
    shown = samba_tool(folder, "user", "show", "svc-sync", "--attributes=objectSid")
    sid = next(line.split(": ")[1] for line in shown.splitlines() if line.startswith("objectSid: "))
    rights = f"O:SYG:SYD:PAI(A;;RPWPCCDCLCRCWOWDSDSW;;;SY)(A;;RPLC;;;BA)(A;;RPLC;;;{sid})"
    change = f"dn: CN=Deleted Objects,{BASE_DN}\nchangetype: modify\nreplace: nTSecurityDescriptor\n"
    ldb(folder, "ldbmodify", f"{change}nTSecurityDescriptor: {rights}\n", "--controls=show_deleted:1")


def change_invocation(folder: Path, invocation: bytes) -> None:
    """Give the database another invocationId (16 bytes), as a proper restore does."""
    server = f"CN=NTDS Settings,CN=DC1,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,{BASE_DN}"
    value = base64.b64encode(invocation).decode()
    change = f"dn: {server}\nchangetype: modify\nreplace: invocationId\ninvocationId:: {value}\n"
    ldb(folder, "ldbmodify", change, "--relax")


def samba_tool(folder: Path, *arguments: str) -> str:
    """Run samba-tool on the domain in `folder`, which must not be running, and return its output."""
    where = [f"--configfile={folder}/smb.conf"]
    if "provision" not in arguments:
        where += ["-H", f"{folder}/private/sam.ldb"]
    return run(["samba-tool", *arguments, *where])


def ldb(folder: Path, tool: str, ldif: str, *options: str) -> None:
    """Pass `ldif` to an ldb tool for the domain in `folder`, which must not be running."""
    where = ["-H", f"{folder}/private/sam.ldb", f"--configfile={folder}/smb.conf"]
    run([tool, *where, *options], ldif)


def run(command: Sequence[str], text: str = "") -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, env=ENVIRONMENT)
    if done.returncode:
        raise RuntimeError(f"{command[0]} {command[1]} failed: {done.stderr[-2000:]}")
    return done.stdout


# samba-tool runs on the system's Python, so it must not see our virtual environment.
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
