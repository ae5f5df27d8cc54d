"""Django REST framework as its documentation has it: view sets, serializers, filters of
django-filter, cursor pagination, tokens by simplejwt; psycopg with a pool and prepared
statements."""

import os
import uuid
from urllib.parse import urlparse

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application

url = urlparse(os.environ["DATABASE_URL"])
settings.configure(
    SECRET_KEY=os.environ["SECRET"],
    DEBUG=False,
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    TIME_ZONE="UTC",
    USE_TZ=True,
    APPEND_SLASH=False,
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "rest_framework", "django_filters"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": url.hostname,
            "PORT": url.port,
            "USER": url.username,
            "NAME": url.path[1:],
            "OPTIONS": {"pool": {"min_size": 4, "max_size": 8}, "server_side_binding": True, "prepare_threshold": 5},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
        "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
        "UNAUTHENTICATED_USER": None,
    },
    SIMPLE_JWT={
        "SIGNING_KEY": os.environ["SECRET"],
        "AUTH_TOKEN_CLASSES": ("rest_framework_simplejwt.tokens.UntypedToken",),
        "TOKEN_TYPE_CLAIM": None,
        "JTI_CLAIM": None,
        "USER_ID_CLAIM": "sub",
    },
)
django.setup()

from django.db import models  # noqa: E402
from django_filters import rest_framework as filters  # noqa: E402
from rest_framework import mixins, pagination, routers, serializers, viewsets  # noqa: E402


class Company(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    name = models.TextField()
    country = models.TextField()
    size = models.IntegerField()

    class Meta:
        app_label, managed, db_table = "bench", False, "companies"


class Job(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    company = models.ForeignKey(Company, models.PROTECT, db_column="company")
    title = models.TextField()
    body = models.TextField()
    status = models.TextField(choices=[(s, s) for s in ("draft", "open", "closed")])
    skills = models.JSONField()
    salary_min = models.IntegerField()
    opens_at = models.DateTimeField()

    class Meta:
        app_label, managed, db_table = "bench", False, "jobs"


class Application(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    job = models.ForeignKey(Job, models.PROTECT, db_column="job")
    candidate_name = models.TextField()
    email = models.EmailField()
    stage = models.TextField(default="new")

    class Meta:
        app_label, managed, db_table = "bench", False, "applications"


class CompanySerializer(serializers.ModelSerializer):
    class Meta:
        model, fields = Company, "__all__"


class JobSerializer(serializers.ModelSerializer):
    class Meta:
        model, fields = Job, "__all__"


class JobWithCompanySerializer(JobSerializer):
    company = CompanySerializer(read_only=True)


class ApplicationSerializer(serializers.ModelSerializer):
    class Meta:
        model, fields = Application, "__all__"


class Newest(pagination.CursorPagination):
    page_size, ordering = 20, ("-created_at", "-id")


class JobFilter(filters.FilterSet):
    class Meta:
        model, fields = Job, {"status": ["exact"], "salary_min": ["gte"]}


class JobViewSet(mixins.RetrieveModelMixin, mixins.ListModelMixin, mixins.UpdateModelMixin, viewsets.GenericViewSet):
    queryset = Job.objects.all()
    pagination_class = Newest
    filterset_class = JobFilter

    def with_company(self):
        return self.request.query_params.get("include") == "company"

    def get_queryset(self):
        jobs = super().get_queryset()
        if self.with_company():
            jobs = jobs.select_related("company")
        if self.request.auth is not None:
            jobs = jobs.filter(company=self.request.auth["company"])
        return jobs

    def get_serializer_class(self):
        return JobWithCompanySerializer if self.with_company() else JobSerializer


class ApplicationViewSet(mixins.CreateModelMixin, viewsets.GenericViewSet):
    queryset = Application.objects.all()
    serializer_class = ApplicationSerializer


router = routers.SimpleRouter(trailing_slash=False)
router.register("v1/jobs", JobViewSet)
router.register("v1/applications", ApplicationViewSet)
urlpatterns = router.urls
application = get_wsgi_application()
