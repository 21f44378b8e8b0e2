"""A service that speaks S3, of a test's own: moto's server, with one bucket."""

import sys

import boto3
import botocore.exceptions

from tests.support.processes import Process
from tests.support.stack import free_port

BUCKET = "headway"


class S3(Process):
    """Keeps everything in memory."""

    def __init__(self) -> None:
        self.port = free_port()
        self.environment_of_clients = {
            "FILES_BUCKET": BUCKET,
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "only-for-tests",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        place = ["--host", "127.0.0.1", "--port", str(self.port)]
        super().__init__("s3", [sys.executable, "-m", "moto.server", *place])

    def start(self) -> None:
        """Start it and make the bucket."""
        super().start()
        self.wait_for(self.answers)

    def client(self) -> "boto3.client":
        """A connection of the test's own."""
        given = self.environment_of_clients
        return boto3.client(
            "s3",
            endpoint_url=given["AWS_ENDPOINT_URL_S3"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            region_name=given["AWS_DEFAULT_REGION"],
        )

    def answers(self) -> bool:
        """Whether it makes a bucket; it says so again of one that it has."""
        try:
            self.client().create_bucket(Bucket=BUCKET)
        except botocore.exceptions.BotoCoreError:
            return False
        return True

    def keys(self) -> list[str]:
        """The names of all that is stored."""
        found = self.client().list_objects_v2(Bucket=BUCKET)
        return [each["Key"] for each in found.get("Contents", [])]
