from django.contrib.auth import login
from django.contrib.auth.decorators import login_required, permission_required
from django.contrib.auth.forms import UserCreationForm
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.generic import FormView


class Register(FormView):
    form_class = UserCreationForm
    template_name = "form.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form):
        login(self.request, form.save())
        return super().form_valid(form)


@login_required
def account(request):
    return render(request, "account.html")


@login_required
@permission_required("shop.members", raise_exception=True)
def members(request):
    return HttpResponse("Members only")
