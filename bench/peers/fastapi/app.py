"""FastAPI with SQLAlchemy as their documentation has it: response models, the ORM's
asynchronous session over asyncpg, which prepares statements; a pool for each worker."""

import os
import uuid
from datetime import UTC, datetime
from typing import Annotated, Literal

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, select, tuple_
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship
from sqlalchemy.types import DateTime

engine = create_async_engine(
    os.environ["DATABASE_URL"].replace("postgres://", "postgresql+asyncpg://").replace("?sslmode=disable", ""),
    pool_size=8,
    max_overflow=0,
    connect_args={"ssl": False},
)
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True)}


class Company(Base):
    __tablename__ = "companies"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    name: Mapped[str]
    country: Mapped[str]
    size: Mapped[int]


class Job(Base):
    __tablename__ = "jobs"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    created_at: Mapped[datetime]
    company_id: Mapped[uuid.UUID] = mapped_column("company", ForeignKey("companies.id"))
    company: Mapped[Company] = relationship(lazy="raise")
    title: Mapped[str]
    body: Mapped[str]
    status: Mapped[str]
    skills: Mapped[list[str]] = mapped_column(JSONB)
    salary_min: Mapped[int]
    opens_at: Mapped[datetime]


class Application(Base):
    __tablename__ = "applications"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    created_at: Mapped[datetime] = mapped_column(default=lambda: datetime.now(UTC))
    job: Mapped[uuid.UUID] = mapped_column(ForeignKey("jobs.id"))
    candidate_name: Mapped[str]
    email: Mapped[str]
    stage: Mapped[str] = mapped_column(default="new")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class CompanyOut(Out):
    id: uuid.UUID
    created_at: datetime
    name: str
    country: str
    size: int


class JobFields(Out):
    id: uuid.UUID
    created_at: datetime
    title: str
    body: str
    status: str
    skills: list[str]
    salary_min: int
    opens_at: datetime


class JobOut(JobFields):
    company_id: uuid.UUID = Field(serialization_alias="company")


class JobWithCompany(JobFields):
    company: CompanyOut


class JobPage(BaseModel):
    items: list[JobOut]
    next: str | None


class JobPageWithCompanies(BaseModel):
    items: list[JobWithCompany]
    next: str | None


class ApplicationIn(BaseModel):
    job: uuid.UUID
    candidate_name: str
    email: str


class ApplicationOut(Out):
    id: uuid.UUID
    created_at: datetime
    job: uuid.UUID
    candidate_name: str
    email: str
    stage: str


class JobPatch(BaseModel):
    title: str


async def session():
    async with sessions() as s:
        yield s


def caller(authorization: Annotated[str | None, Header()] = None) -> dict | None:
    if authorization is None:
        return None
    try:
        return jwt.decode(authorization.removeprefix("Bearer "), os.environ["SECRET"], algorithms=["HS256"])
    except jwt.InvalidTokenError:
        raise HTTPException(401)


Session = Annotated[AsyncSession, Depends(session)]


@app.get("/v1/jobs/{id}", response_model=JobOut)
async def get_job(id: uuid.UUID, s: Session):
    job = await s.get(Job, id)
    if job is None:
        raise HTTPException(404)
    return job


@app.get("/v1/jobs", response_model=JobPage | JobPageWithCompanies)
async def list_jobs(
    s: Session,
    who: Annotated[dict | None, Depends(caller)],
    status: str | None = None,
    salary: Annotated[int | None, Query(alias="salary_min.gte")] = None,
    include: Literal["company"] | None = None,
    cursor: str | None = None,
):
    query = select(Job).order_by(Job.created_at.desc(), Job.id.desc()).limit(20)
    if who is not None:
        query = query.where(Job.company_id == uuid.UUID(who["company"]))
    if status is not None:
        query = query.where(Job.status == status)
    if salary is not None:
        query = query.where(Job.salary_min >= salary)
    if cursor is not None:
        at, id = cursor.split("_")
        last = datetime.fromtimestamp(int(at) / 1000, UTC), uuid.UUID(id)
        query = query.where(tuple_(Job.created_at, Job.id) < last)
    if include:
        query = query.options(joinedload(Job.company, innerjoin=True))
    jobs = (await s.scalars(query)).all()
    next = f"{int(jobs[-1].created_at.timestamp() * 1000)}_{jobs[-1].id}" if jobs else None
    if include:
        return JobPageWithCompanies(items=[JobWithCompany.model_validate(j) for j in jobs], next=next)
    return JobPage(items=[JobOut.model_validate(j) for j in jobs], next=next)


@app.post("/v1/applications", response_model=ApplicationOut, status_code=201)
async def create_application(new: ApplicationIn, s: Session):
    made = Application(**new.model_dump())
    s.add(made)
    await s.commit()
    return made


@app.patch("/v1/jobs/{id}", response_model=JobOut)
async def update_job(id: uuid.UUID, patch: JobPatch, s: Session):
    job = await s.get(Job, id)
    if job is None:
        raise HTTPException(404)
    job.title = patch.title
    await s.commit()
    return job
