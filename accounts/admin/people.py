"""Staff: people, accounts and who may act for them."""

from typing import ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.forms import AdminUserCreationForm
from django.db.models import Count, QuerySet
from django.http import HttpRequest

from accounts.models import Account, Membership, User


class UserCreationForm(AdminUserCreationForm):
    """A new user: an address and a password."""

    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class UserAdmin(DjangoUserAdmin):
    """People who sign in."""

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
                "fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions"),
                "description": "Give staff one of the groups owner, support, marketing or print. "
                "Single permissions are for exceptions.",
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


class MembershipInline(admin.TabularInline):
    """Who may act for an account."""

    model = Membership
    extra = 0
    autocomplete_fields = ("user",)


@admin.register(Account)
class AccountAdmin(admin.ModelAdmin):
    """Who owns, buys and is metered."""

    list_display = ("name", "kind", "email", "members", "created_at", "claimed_at")
    list_filter = ("kind",)
    search_fields = ("name", "email", "memberships__user__email")
    autocomplete_fields = ("agency",)
    readonly_fields = ("created_at", "claimed_at")
    inlines = (MembershipInline,)
    show_full_result_count = False
    ordering: ClassVar = ("-pk",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        """Count the members in the same query."""
        rows: QuerySet[Account] = super().get_queryset(request)
        return rows.annotate(member_count=Count("memberships"))

    @admin.display(description="Members", ordering="member_count")
    def members(self, account: Account) -> int:
        """Return how many people may act for the account."""
        return int(getattr(account, "member_count", 0))
