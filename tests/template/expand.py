"""Expands template.yaml as CloudFormation does before it deploys: with SAM's own transform, offline.

    python3 -m venv target/sam && target/sam/bin/pip install aws-sam-cli==1.170.0
    target/sam/bin/python tests/template/expand.py

It writes what the tests and the linters judge: a CloudFormation template beside this file for each set of parameters below. CI runs it again
and fails where the result differs from what is committed.
"""

import hashlib
import json
from pathlib import Path

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

HERE = Path(__file__).parent
TEMPLATE = HERE.parent.parent / "template.yaml"

# The transform reads `Deployment` alone. The others are what is not on by default, for the linters.
PARAMETERS = {
    "defaults": {},
    "everything": {
        "AlarmTopic": "arn:aws:sns:us-east-1:123456789012:alarms",
        "Deployment": "Canary10Percent5Minutes",
        "TableKey": "arn:aws:kms:us-east-1:123456789012:key/01234567-89ab-cdef-0123-456789abcdef",
        "DomainName": "widgets.example.com",
        "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/01234567-89ab-cdef-0123-456789abcdef",
        "HostedZoneId": "Z0123456789ABCDEFGHIJ",
        "Tracing": "Active",
    },
}


def expand(source: bytes, parameters: dict[str, str]) -> dict:
    template = yaml_parse(source.decode())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            # As `sam validate` does: the transform wants code that is uploaded already.
            resource["Properties"]["CodeUri"] = "s3://bucket/value"
    # No managed policies: the template names none.
    translator = Translator(managed_policy_map={}, sam_parser=Parser(), boto_session=Session(region_name="us-east-1"))
    expanded = translator.translate(template, dict(parameters), passthrough_metadata=True)
    expanded["Metadata"] = {"Source": hashlib.sha256(source).hexdigest(), "Parameters": parameters}
    return expanded


source = TEMPLATE.read_bytes()
for name, parameters in PARAMETERS.items():
    text = json.dumps(expand(source, parameters), indent=1, sort_keys=True)
    (HERE / f"{name}.json").write_text(text + "\n")
