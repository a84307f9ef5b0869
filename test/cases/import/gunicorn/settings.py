bind = ":8004"
wsgi_app = "mysite:create_app"
chdir = "project"
errorlog = "error.log"
import multiprocessing

workers = (multiprocessing.cpu_count() * 2) + 1
threads = 2
timeout = 0
