from setuptools import find_packages, setup

NAME = 'vla_ros'

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
    description='What the nodes of the VLA suite share.',
    license='Apache-2.0',
)
