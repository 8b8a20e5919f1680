"""Prints a template with the definition of examples/state_machine in it, for cfn-lint.

cfn-lint checks a definition that stands in a template. SAM's `DefinitionUri` names a file.
"""

import json
from pathlib import Path

definition = json.loads(Path("examples/state_machine/create_widget.asl.json").read_text())
properties = {
    "Definition": definition,
    "DefinitionSubstitutions": {
        "PathwayFunction": "arn:aws:lambda:us-east-1:123456789012:function:pathway",
    },
    "RoleArn": "arn:aws:iam::123456789012:role/state-machine",
}
machine = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}
print(json.dumps({"Resources": {"CreateWidget": machine}}, indent=2))
