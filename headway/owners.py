"""Keys of users, whom a project's router may keep in another database than jobs and tokens."""

from typing import Any

from django.db import models, router
from django.db.models.fields.related_descriptors import ForwardManyToOneDescriptor
from django.utils import timezone


def keeps_apart(model: Any, users: Any) -> bool:
    """Whether rows of a model are in another database than users."""
    return router.db_for_write(model) != router.db_for_write(users)


class Owner(ForwardManyToOneDescriptor):  # type: ignore[type-arg]  # as below
    """Reads a row's owner."""

    def get_queryset(self, **hints: Any) -> Any:
        """From where the users are: a router without an opinion has Django look beside the row."""
        there = router.db_for_read(self.field.related_model)
        return super().get_queryset(**hints).using(there)


class OwnerField(models.ForeignKey):  # type: ignore[type-arg]  # generic to the type checker alone
    """Whose a row is. Within one database that has a constraint; across two none can have one."""

    forward_related_accessor_class = Owner

    @property
    def db_constraint(self) -> bool:
        """As it is where the table is made, so that one migration serves all projects."""
        model = getattr(self, "model", None)
        return model is None or not keeps_apart(model, self.related_model)

    @db_constraint.setter
    def db_constraint(self, value: bool) -> None:
        """Django sets its default."""

    def deconstruct(self) -> Any:
        """The same for all projects."""
        name, path, args, options = super().deconstruct()
        options.pop("db_constraint", None)
        return name, path, args, options


def forget(collector: Any, field: Any, rows: Any, using: str) -> None:
    """`on_delete`: their rows are nobody's."""
    models.SET_NULL(collector, field, rows.using(router.db_for_write(field.model)), using)


def delete_or_revoke(collector: Any, field: Any, rows: Any, using: str) -> None:
    """`on_delete` of tokens: they go with their owner. Django deletes in one database alone: those
    in another one are revoked."""
    if not keeps_apart(field.model, field.related_model):
        models.CASCADE(collector, field, rows, using)
        return
    there = rows.using(router.db_for_write(field.model)).filter(revoked_at=None)
    collector.add_field_update(field.model._meta.get_field("revoked_at"), timezone.now(), there)


def delete_or_forget(collector: Any, field: Any, rows: Any, using: str) -> None:
    """`on_delete`: they go with their owner. Those in another database become nobody's."""
    if keeps_apart(field.model, field.related_model):
        forget(collector, field, rows, using)
    else:
        models.CASCADE(collector, field, rows, using)


# Django then does not read the rows, which it would do in the database of the users
for each in (forget, delete_or_revoke, delete_or_forget):
    each.lazy_sub_objs = True  # type: ignore[attr-defined]
