"""Staff: people, accounts and who may act for them."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.flows import leaving
from accounts.models import Account, Membership, User

POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


class UserCreationForm(AdminUserCreationForm):
    """A new user: an address and a password."""

    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People who sign in. Only a superuser makes or changes staff."""

    add_form = UserCreationForm
    list_display = ("email", "name", "is_staff", "is_active", "date_joined", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "name")
    ordering = ("-pk",)
    readonly_fields = ("date_joined", "last_login")
    filter_horizontal = ("groups", "user_permissions")
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("email", "name", "password")}),
        (
            "Staff",
            {
                "fields": ("is_active", *POWERS),
                "description": "Give staff one of the groups owner, support, marketing or print. "
                "Single permissions are for exceptions. Only a superuser can do this. Unticking "
                "“active” also revokes the keys that nobody else answers for.",
            },
        ),
        ("History", {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (
            None,
            {
                "classes": ("wide",),
                "fields": ("email", "usable_password", "password1", "password2"),
            },
        ),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep what makes somebody staff from everybody but superusers."""
        powers = () if _is_superuser(request) else POWERS
        return (*self.readonly_fields, *powers)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep staff, their addresses and passwords from everybody but superusers."""
        return _may_touch(request, obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep staff from being deleted by others than superusers."""
        return _may_touch(request, obj) and super().has_delete_permission(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Refuse a selection with staff in it as the single row is refused."""
        found, counts, lacking, protected = super().get_deleted_objects(objs, request)
        if not all(_may_touch(request, user) for user in objs):
            lacking.add("staff")
        return found, counts, lacking, protected

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Save; who is switched off leaves no key behind that still works."""
        super().save_model(request, obj, form, change)
        if change and not obj.is_active:
            leaving.deactivate(obj)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Delete a person through the flow."""
        leaving.delete([obj])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Delete people through the flow."""
        leaving.delete(queryset)


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_superuser


def _may_touch(request: HttpRequest, user: User | None) -> bool:
    return user is None or not (user.is_staff or user.is_superuser) or _is_superuser(request)


class MemberInline(admin.TabularInline):
    """Who may act for an account. The person of a row never changes, only the role."""

    model = Membership
    extra = 0
    fields = ("user", "role")
    readonly_fields = ("user",)  # a choice of people would ask for each row by itself

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        """Read the people in the same query."""
        rows: QuerySet[Membership] = super().get_queryset(request)
        return rows.select_related("user", "account")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """New members have a form of their own, see below."""
        return False


class NewMemberInline(admin.TabularInline):
    """One more person who may act for an account."""

    model = Membership
    verbose_name_plural = "New members"
    extra = 0
    fields = ("user", "role")
    autocomplete_fields = ("user",)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Show no row that is there: they have their own list above."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only add."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only add."""
        return False


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    """Who owns, buys and is metered."""

    list_display = ("name", "kind", "email", "members", "created_at", "claimed_at")
    list_filter = ("kind",)
    search_fields = ("name", "email", "memberships__user__email")
    autocomplete_fields = ("agency",)
    readonly_fields = ("created_at", "claimed_at")
    inlines = (MemberInline, NewMemberInline)
    show_full_result_count = False
    ordering: ClassVar = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Count the members in the same query."""
        rows: QuerySet[Account] = super().get_queryset(request)
        return rows.annotate(member_count=Count("memberships"))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Keep who gets an account from staff who may not choose its members.

        A guest's address names its owner to be, and an agency acts for its clients.
        """
        may_choose = request.user.has_perm("accounts.change_membership")
        return (*self.readonly_fields, *(() if may_choose else ("kind", "email", "agency")))

    @admin.display(description="Members", ordering="member_count")
    def members(self, account: Account) -> int:
        """Return how many people may act for the account."""
        return int(getattr(account, "member_count", 0))
