"""Users as a project may have them: known by an address, with a UUID for a key."""

import uuid
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models


class People(BaseUserManager["Person"]):
    """Makes them."""

    def create_user(self, email: str, password: str | None, **fields: Any) -> "Person":
        """One with this password, or with none that works."""
        person = self.model(email=email, **fields)
        person.set_password(password)
        person.save()
        return person

    def create_superuser(self, email: str, password: str | None, **fields: Any) -> "Person":
        """One who may do everything."""
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class Person(AbstractBaseUser, PermissionsMixin):
    """Has no `username`, and no number."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)

    objects = People()
    USERNAME_FIELD = "email"

    def __str__(self) -> str:
        return self.email
