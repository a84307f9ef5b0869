bind = ":8004"
wsgi_app = "mysite:create_app"
chdir = "project"
errorlog = "error.log"
