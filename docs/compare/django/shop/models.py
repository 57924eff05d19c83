from django.db import models


class Shop(models.Model):
    """No table: permissions belong to a model."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [("members", "May see the members' page")]
