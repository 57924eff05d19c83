from django.contrib.auth import views as auth
from django.urls import path, reverse_lazy
from django.views.generic import TemplateView

from shop import views

change = auth.PasswordChangeView.as_view(template_name="form.html", success_url=reverse_lazy("account"))

urlpatterns = [
    path("", TemplateView.as_view(template_name="home.html"), name="home"),
    path("register", views.Register.as_view(), name="register"),
    path("login", auth.LoginView.as_view(template_name="form.html"), name="login"),
    path("logout", auth.LogoutView.as_view(), name="logout"),
    path("account", views.account, name="account"),
    path("members", views.members, name="members"),
    path("password", change, name="password"),
]
