package bench;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.FetchType;
import jakarta.persistence.GeneratedValue;
import jakarta.persistence.GenerationType;
import jakarta.persistence.Id;
import jakarta.persistence.JoinColumn;
import jakarta.persistence.ManyToOne;
import jakarta.persistence.Table;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.UUID;
import javax.crypto.spec.SecretKeySpec;
import org.hibernate.annotations.CreationTimestamp;
import org.hibernate.annotations.JdbcTypeCode;
import org.hibernate.type.SqlTypes;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.data.domain.Pageable;
import org.springframework.data.jpa.repository.EntityGraph;
import org.springframework.data.jpa.repository.Query;
import org.springframework.data.repository.CrudRepository;
import org.springframework.data.repository.query.Param;
import org.springframework.data.rest.core.annotation.RepositoryRestResource;
import org.springframework.data.rest.core.annotation.RestResource;
import org.springframework.data.rest.core.config.Projection;
import org.springframework.data.rest.core.config.RepositoryRestConfiguration;
import org.springframework.data.rest.webmvc.config.RepositoryRestConfigurer;
import org.springframework.security.config.Customizer;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.config.http.SessionCreationPolicy;
import org.springframework.security.data.repository.query.SecurityEvaluationContextExtension;
import org.springframework.security.oauth2.jwt.JwtDecoder;
import org.springframework.security.oauth2.jwt.NimbusJwtDecoder;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.servlet.config.annotation.CorsRegistry;

/** Spring Data REST as its documentation has it: entities, repositories and a projection. */
@SpringBootApplication
public class App {
  public static void main(String[] args) {
    SpringApplication.run(App.class, args);
  }

  @Bean
  RepositoryRestConfigurer ids() {
    return new RepositoryRestConfigurer() {
      @Override
      public void configureRepositoryRestConfiguration(RepositoryRestConfiguration config, CorsRegistry cors) {
        config.exposeIdsFor(Company.class, Job.class, Application.class);
      }
    };
  }

  @Bean
  SecurityFilterChain security(HttpSecurity http) throws Exception {
    return http.csrf(c -> c.disable())
        .sessionManagement(s -> s.sessionCreationPolicy(SessionCreationPolicy.STATELESS))
        .authorizeHttpRequests(a -> a.anyRequest().permitAll())
        .oauth2ResourceServer(o -> o.jwt(Customizer.withDefaults()))
        .build();
  }

  @Bean
  JwtDecoder tokens(@Value("${SECRET}") String secret) {
    return NimbusJwtDecoder.withSecretKey(new SecretKeySpec(secret.getBytes(StandardCharsets.UTF_8), "HmacSHA256")).build();
  }

  @Bean
  SecurityEvaluationContextExtension callers() {
    return new SecurityEvaluationContextExtension();
  }
}

@Entity
@Table(name = "companies")
class Company {
  @Id public UUID id;
  public Instant createdAt;
  public String name;
  public String country;
  public int size;
}

@Entity
@Table(name = "jobs")
class Job {
  @Id public UUID id;
  public Instant createdAt;

  @ManyToOne(fetch = FetchType.LAZY)
  @JoinColumn(name = "company")
  public Company company;

  @Column(name = "company", insertable = false, updatable = false)
  public UUID companyId;

  public String title;
  public String body;
  public String status;

  @JdbcTypeCode(SqlTypes.JSON)
  public List<String> skills;

  public int salaryMin;
  public Instant opensAt;
}

@Entity
@Table(name = "applications")
class Application {
  @Id
  @GeneratedValue(strategy = GenerationType.UUID)
  public UUID id;

  @CreationTimestamp public Instant createdAt;

  @ManyToOne(fetch = FetchType.LAZY)
  @JoinColumn(name = "job")
  public Job job;

  public String candidateName;
  public String email;
  public String stage = "new";

  public UUID getJobId() {
    return job.id;
  }
}

@Projection(name = "withCompany", types = Job.class)
interface JobWithCompany {
  UUID getId();

  Instant getCreatedAt();

  CompanyFields getCompany();

  String getTitle();

  String getBody();

  String getStatus();

  List<String> getSkills();

  int getSalaryMin();

  Instant getOpensAt();
}

interface CompanyFields {
  UUID getId();

  Instant getCreatedAt();

  String getName();

  String getCountry();

  int getSize();
}

@RepositoryRestResource(path = "companies")
interface Companies extends CrudRepository<Company, UUID> {}

/** Lists rather than pages, so that nothing is counted. */
@RepositoryRestResource(path = "jobs")
interface Jobs extends CrudRepository<Job, UUID> {
  @RestResource(path = "newest")
  List<Job> findAllBy(Pageable page);

  @RestResource(path = "paying")
  List<Job> findByStatusAndSalaryMinGreaterThanEqual(
      @Param("status") String status, @Param("salary") int salary, Pageable page);

  @RestResource(path = "payingWithCompany")
  @EntityGraph(attributePaths = "company")
  List<Job> readByStatusAndSalaryMinGreaterThanEqual(
      @Param("status") String status, @Param("salary") int salary, Pageable page);

  @RestResource(path = "own")
  @Query(
      "select j from Job j where j.status = :status and j.companyId ="
          + " :#{T(java.util.UUID).fromString(authentication.token.claims['company'])}")
  List<Job> own(@Param("status") String status, Pageable page);
}

@RepositoryRestResource(path = "applications")
interface Applications extends CrudRepository<Application, UUID> {}
