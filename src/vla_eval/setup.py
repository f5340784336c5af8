from setuptools import find_packages, setup

NAME = 'vla_eval'

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    package_data={f'{NAME}.core': ['page.css']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=False,
    maintainer='VLA suite maintainers',
    maintainer_email='maintainers@example.org',
    description='Episodes in virtual time and on the live graph, demonstrations, and reports.',
    license='Apache-2.0',
    entry_points={
        'console_scripts': [
            'recorder = vla_eval.ros.main:recorder',
            'metrics = vla_eval.ros.main:metrics',
        ]
    },
)
