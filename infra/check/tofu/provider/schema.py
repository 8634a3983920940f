#!/usr/bin/env python3
"""Writes schema.json: the arguments, blocks and types of the AWS provider that the configurations may use.

    npm pack @cdktf/provider-aws@21.22.1 && tar xzf cdktf-provider-aws-21.22.1.tgz
    ./schema.py package/lib >schema.json

The package is generated from the schema of hashicorp/aws 6.25.0. Each type has a folder. Its index.js has, for each struct, a
function that writes it as HCL, which tells blocks from arguments and has their types, and a class whose comments tell what
is computed. Its index.d.ts marks what is optional, and has each argument's own name in a link to its documentation. What
is not there is not checked: which arguments exclude each other, what values they take, how often a block may stand beyond
once. An argument that can be set is taken to be computed otherwise. Another type is a line more in TYPES.
"""

import json
import pathlib
import re
import sys

TYPES = """
acm-certificate autoscaling-group autoscaling-lifecycle-hook autoscaling-policy autoscaling-schedule
cloudwatch-dashboard cloudwatch-event-rule cloudwatch-event-target cloudwatch-log-group cloudwatch-log-metric-filter
cloudwatch-metric-alarm ecr-lifecycle-policy ecr-repository ecs-account-setting-default ecs-capacity-provider ecs-cluster
ecs-cluster-capacity-providers ecs-service ecs-task-definition efs-access-point efs-backup-policy efs-file-system
efs-file-system-policy efs-mount-target eip iam-instance-profile iam-policy iam-role iam-role-policy
iam-role-policy-attachment iam-service-linked-role internet-gateway kms-alias kms-grant kms-key launch-template lb
lb-listener lb-listener-rule lb-target-group nat-gateway route route-table route-table-association route53-record s3-bucket
secretsmanager-secret secretsmanager-secret-version security-group service-discovery-http-namespace
service-discovery-private-dns-namespace service-discovery-service sns-topic sns-topic-subscription sqs-queue sqs-queue-policy
ssm-parameter subnet vpc vpc-endpoint vpc-security-group-egress-rule vpc-security-group-ingress-rule
data-aws-ami data-aws-availability-zones data-aws-caller-identity data-aws-ecr-image data-aws-ecs-task-definition
data-aws-iam-policy-document data-aws-partition data-aws-region data-aws-ssm-parameter data-aws-subnets data-aws-vpc
""".split()

ELEMENTS = {"string": "string", "number": "number", "boolean": "bool"}
GETTERS = {
    "getStringAttribute": "string", "getNumberAttribute": "number", "getBooleanAttribute": "bool",
    "getListAttribute": ["list", "string"], "getNumberListAttribute": ["list", "number"],
    "getStringMapAttribute": ["map", "string"], "getNumberMapAttribute": ["map", "number"],
    "getBooleanMapAttribute": ["map", "bool"],
}
MEMBER = re.compile(
    r'^ +(?P<name>\w+): \{\n +value: (?P<value>.*),\n +isBlock: (?P<block>true|false),\n'
    r' +type: "(?P<type>\w+)",\n +storageClassType: "(?P<storage>\w+)",', re.M)
COMMENT = re.compile(r"// (\w+) - computed: (\w+), optional: (\w+), required: (\w+)\n")


def value_type(member):
    """The type of an argument: "string", or ["list", "string"]."""
    kind = re.fullmatch(r"(string|number|boolean)(List|Map)?", member["storage"])
    if not kind:
        return "string"
    element = ELEMENTS[kind[1]]
    if not kind[2]:
        return element
    return ["set" if member["type"] == "set" else kind[2].lower(), element]


class Source:
    """One type's folder."""

    def __init__(self, folder):
        self.js = re.sub(r"//# sourceMappingURL=.*", "", (folder / "index.js").read_text())
        self.classes = {m[1]: m[0] for m in re.finditer(r"^class (\w+) extends .*?^}\n", self.js, re.S | re.M)}
        self.writers = {m[1]: m[0] for m in re.finditer(r"^function (\w+)ToHclTerraform\(struct\) \{.*?^}\n", self.js, re.S | re.M)}
        self.once = set(re.findall(r'new (\w+)OutputReference\(this, "\w+"\)', self.js))
        self.required = {}  # by struct, then by argument
        for struct in re.finditer(r"^export interface (\w+)(?: extends [\w.]+)? \{\n(.*?)^\}", (folder / "index.d.ts").read_text(), re.S | re.M):
            self.required[struct[1]] = {
                m[1]: not m[3]
                for m in re.finditer(r"#(\w+)\}\n(?:(?! {4}readonly).*\n)*? {4}readonly (\w+)(\??):", struct[2])}

    def name(self):
        return re.search(r'tfResourceType = "(\w+)"', self.js)[1]

    def schema(self):
        main = next(text for text in self.classes.values() if "synthesizeHclAttributes()" in text)
        return self.block(main, main, re.search(r"^class (\w+) ", main)[1] + "Config")

    def block(self, writer, text, struct):
        out = {"attributes": {}, "blocks": {}}
        required = self.required.get(struct, {})
        for member in MEMBER.finditer(writer):
            needed = required.get(member["name"], False)
            if member["block"] == "false":
                out["attributes"][member["name"]] = {
                    "type": value_type(member), "required": needed, "optional": not needed, "computed": not needed}
                continue
            inner = next((n for n in re.findall(r"(\w+?)ToHclTerraform", member["value"]) if n in self.writers), None)
            if inner:
                out["blocks"][member["name"]] = self.inner(inner, member["type"], needed)
        for name, getter in self.computed(text):
            if name not in out["attributes"] and name not in out["blocks"]:
                out["attributes"][name] = {"type": GETTERS.get(getter, "dynamic"), "required": False, "optional": False, "computed": True}
        return out

    def inner(self, writer, kind, needed):
        struct = writer[0].upper() + writer[1:]
        out = self.block(self.writers[writer], self.classes.get(struct + "OutputReference", ""), struct)
        out["nesting"] = "set" if kind == "set" else "single" if writer.endswith("Timeouts") else "list"
        out["max"] = 1 if struct in self.once and out["nesting"] == "list" else 0
        out["min"] = 1 if needed else 0
        return out

    def computed(self, text):
        """What only the provider sets, each with the getter that tells its type."""
        comments = list(COMMENT.finditer(text))
        for comment, after in zip(comments, comments[1:] + [None]):
            name, computed, optional, required = comment.groups()
            if (computed, optional, required) == ("true", "false", "false"):
                rest = text[comment.end():after.start() if after else len(text)]
                getter = re.search(r"this\.(get\w+Attribute)\(['\"]%s['\"]\)" % re.escape(name), rest)
                yield name, getter and getter[1]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = {"resources": {}, "data": {}}
    for each in TYPES:
        source = Source(pathlib.Path(sys.argv[1]) / each)
        out["data" if each.startswith("data-") else "resources"][source.name()] = source.schema()
    json.dump(out, sys.stdout, sort_keys=True, separators=(",", ":"))


main()
