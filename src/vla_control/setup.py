from setuptools import find_packages, setup

NAME = 'vla_control'

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
    description='Turns action chunks into safe joint commands at a fixed rate.',
    license='Apache-2.0',
    entry_points={'console_scripts': ['executor = vla_control.ros.executor:main']},
)
