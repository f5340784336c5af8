from setuptools import find_packages, setup

NAME = 'vla_perception'

setup(
    name=NAME,
    version='0.1.0',
    packages=find_packages(include=[NAME, f'{NAME}.*']),
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{NAME}']),
        (f'share/{NAME}', ['package.xml']),
    ],
    install_requires=['setuptools'],
    zip_safe=False,
    maintainer='VLA suite maintainers',
    maintainer_email='maintainers@example.org',
    description='From cameras, joint states and tf to observations of one moment.',
    license='Apache-2.0',
    entry_points={'console_scripts': [f'observer = {NAME}.ros.observer:main']},
)
