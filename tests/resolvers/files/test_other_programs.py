"""Files of other programs, with all columns of their exports."""

import csv
import io

import pytest

from resolvers.caller import Caller
from tests.support.importing import counts, found, import_csv, problems_of

GOOGLE = (
    "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,"
    "Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,Photo,"
    "Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,Phone 1 - Value,"
    "Phone 2 - Label,Phone 2 - Value,Address 1 - Label,Address 1 - Formatted,Address 1 - Street,Address 1 - City,"
    "Address 1 - PO Box,Address 1 - Region,Address 1 - Postal Code,Address 1 - Country,"
    "Address 1 - Extended Address,Website 1 - Label,Website 1 - Value"
)
OLD_GOOGLE = (
    "Name,Given Name,Additional Name,Family Name,Yomi Name,Given Name Yomi,Additional Name Yomi,Family Name Yomi,"
    "Name Prefix,Name Suffix,Initials,Nickname,Short Name,Maiden Name,Birthday,Gender,Location,Billing Information,"
    "Directory Server,Mileage,Occupation,Hobby,Sensitivity,Priority,Subject,Notes,Language,Photo,Group Membership,"
    "E-mail 1 - Type,E-mail 1 - Value,E-mail 2 - Type,E-mail 2 - Value,Phone 1 - Type,Phone 1 - Value,"
    "Organization 1 - Type,Organization 1 - Name,Organization 1 - Yomi Name,Organization 1 - Title,"
    "Organization 1 - Department,Organization 1 - Symbol,Organization 1 - Location,Organization 1 - Job Description"
)
OUTLOOK = (
    "Title,First Name,Middle Name,Last Name,Suffix,Company,Department,Job Title,Business Street,Business Street 2,"
    "Business Street 3,Business City,Business State,Business Postal Code,Business Country/Region,Home Street,"
    "Home Street 2,Home Street 3,Home City,Home State,Home Postal Code,Home Country/Region,Other Street,Other City,"
    "Other State,Other Postal Code,Other Country/Region,Assistant's Phone,Business Fax,Business Phone,"
    "Business Phone 2,Callback,Car Phone,Company Main Phone,Home Fax,Home Phone,Home Phone 2,ISDN,Mobile Phone,"
    "Other Fax,Other Phone,Pager,Primary Phone,Radio Phone,TTY/TDD Phone,Telex,Account,Anniversary,Assistant's Name,"
    "Billing Information,Birthday,Categories,Children,E-mail Address,E-mail Type,E-mail Display Name,"
    "E-mail 2 Address,E-mail 2 Type,E-mail 2 Display Name,E-mail 3 Address,E-mail 3 Type,E-mail 3 Display Name,"
    "Gender,Government ID Number,Hobby,Initials,Internet Free Busy,Keywords,Language,Location,Manager's Name,"
    "Mileage,Notes,Office Location,Organizational ID Number,PO Box,Priority,Private,Profession,Referred By,"
    "Sensitivity,Spouse,User 1,User 2,User 3,User 4,Web Page"
)
EXCHANGE = (
    "PSComputerName,RunspaceId,PSShowComputerName,ExternalEmailAddress,MaxRecipientPerMessage,UseMapiRichTextFormat,"
    "UsePreferMessageFormat,MessageFormat,MessageBodyFormat,MacAttachmentFormat,AcceptMessagesOnlyFrom,"
    "AddressListMembership,Alias,ArbitrationMailbox,BypassModerationFromSendersOrMembers,OrganizationalUnit,"
    "CustomAttribute1,DisplayName,EmailAddresses,GrantSendOnBehalfTo,ExternalDirectoryObjectId,"
    "HiddenFromAddressListsEnabled,LastExchangeChangedTime,LegacyExchangeDN,MaxSendSize,ModeratedBy,PoliciesIncluded,"
    "EmailAddressPolicyEnabled,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,SimpleDisplayName,UMDtmfMap,"
    "WindowsEmailAddress,MailTip,Identity,Id,IsValid,ExchangeVersion,Name,DistinguishedName,ObjectCategory,Guid,"
    "WhenChanged,WhenCreated"
)
X500 = "X500:/o=ExchangeLabs/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=1f0c a-Ana"


def table(header: str, *rows: dict[str, str]) -> str:
    """A file with these rows. Other columns are blank."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, header.split(","), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


@pytest.mark.parametrize(
    ("header", "first", "last", "address", "shown"),
    [
        (GOOGLE, "First Name", "Last Name", "E-mail 1 - Value", "File As"),
        (OLD_GOOGLE, "Given Name", "Family Name", "E-mail 1 - Value", "Name"),
        (OUTLOOK, "First Name", "Last Name", "E-mail Address", "E-mail Display Name"),
    ],
    ids=["Google", "Google before 2024", "Outlook"],
)
async def test_blank_display_names(
    caller: Caller, header: str, first: str, last: str, address: str, shown: str
) -> None:
    """A row without a display name gets one from the first and last name, even if the file has a column for it."""
    text = table(
        header,
        {first: "Ana", last: "García", address: "ana@a.example"},
        {first: "Ben", last: "Li", address: "ben@a.example", shown: "Benny"},
    )
    job = await import_csv(caller, text)
    assert counts(job) == {"created": 2}, await problems_of(caller, job)
    assert (await found(caller, "ana@a.example"))["displayName"] == "Ana García"
    assert (await found(caller, "ben@a.example"))["displayName"] == "Benny"


async def test_outlook_display_names(caller: Caller) -> None:
    """The address at the end of Outlook's display names is removed."""
    row = {"First Name": "Ana", "Last Name": "Li", "E-mail Address": "Ana@a.example"}
    job = await import_csv(caller, table(OUTLOOK, {**row, "E-mail Display Name": "Anna Li (ana@a.example)"}))
    assert counts(job) == {"created": 1}, await problems_of(caller, job)
    assert (await found(caller, "ana@a.example"))["displayName"] == "Anna Li"


async def test_our_own_file_derives_nothing(caller: Caller) -> None:
    """A blank display name in our own format is an error."""
    job = await import_csv(caller, "DisplayName,EmailAddress,FirstName,LastName\n,ana@a.example,Ana,Li\n")
    assert await problems_of(caller, job) == [(2, "DisplayName", "REQUIRED")]


async def test_outlook_managers(caller: Caller) -> None:
    """Outlook's managers are names, which are ignored and reported; an address in their place is read."""
    rows = [
        {"First Name": "Ana", "Last Name": "Li", "E-mail Address": "ana@a.example", "Manager's Name": "Smith, Bob"},
        {"First Name": "Ben", "Last Name": "Li", "E-mail Address": "ben@a.example", "Manager's Name": "ana@a.example"},
    ]
    job = await import_csv(caller, table(OUTLOOK, *rows))
    assert counts(job) == {"created": 2}, await problems_of(caller, job)
    assert "Manager's Name" in job["unknownColumns"]
    assert (await found(caller, "ben@a.example"))["managerId"] == (await found(caller, "ana@a.example"))["_id"]
    assert "Manager's Name" not in (await import_csv(caller, table(OUTLOOK, rows[1])))["unknownColumns"]


@pytest.mark.parametrize("separator", [" ", ";", ", "])
async def test_exchange_addresses(caller: Caller, separator: str) -> None:
    """Exchange's email addresses become aliases, whatever separates them, even if other kinds contain spaces."""
    listed = separator.join(["SMTP:ana@a.example", X500, "smtp:a@a.example", "SIP:ana@a.example"])
    row = {"DisplayName": "Ana García", "ExternalEmailAddress": "SMTP:ana@a.example", "EmailAddresses": listed}
    job = await import_csv(caller, table(EXCHANGE, row))
    assert counts(job) == {"created": 1}, await problems_of(caller, job)
    assert (await found(caller, "ana@a.example"))["aliases"] == ["a@a.example"]
    assert "EmailAddresses" not in job["unknownColumns"]


@pytest.mark.parametrize("name", ["System.Collections.ArrayList", "System.String[]"])
async def test_exchange_type_names(caller: Caller, name: str) -> None:
    """The name of a type, which PowerShell writes instead of a list, is ignored and its column is reported."""
    row = {"DisplayName": "Ana García", "ExternalEmailAddress": "SMTP:ana@a.example", "EmailAddresses": name}
    job = await import_csv(caller, table(EXCHANGE, row))
    assert counts(job) == {"created": 1}, await problems_of(caller, job)
    assert "EmailAddresses" in job["unknownColumns"]
    assert "aliases" not in await found(caller, "ana@a.example")


async def test_google_addresses_of_one_label(caller: Caller) -> None:
    """If Google joins several addresses of a label, the first one is the contact's and the others are aliases."""
    row = {
        "First Name": "Ana",
        "Last Name": "Li",
        "E-mail 1 - Value": "ana@a.example ::: a@a.example",
        "E-mail 2 - Value": "b@a.example ::: c@a.example",
    }
    job = await import_csv(caller, table(GOOGLE, row, {**row, "E-mail 1 - Value": "c@a.example"}))
    assert [code for _, _, code in await problems_of(caller, job)] == ["DUPLICATE_ROW"]
    assert (await found(caller, "ana@a.example"))["aliases"] == ["b@a.example", "c@a.example", "a@a.example"]


async def test_source_is_reported(caller: Caller) -> None:
    """An import cannot change where a contact is managed: the column in our export is reported as ignored."""
    job = await import_csv(
        caller, "DisplayName,EmailAddress,FirstName,LastName,Source\nAna,a@a.example,Ana,Li,Synced\n"
    )
    assert (counts(job), job["unknownColumns"]) == ({"created": 1}, ["Source"])
