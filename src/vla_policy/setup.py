from setuptools import find_packages, setup

NAME = 'vla_policy'

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
    description='Policies of the VLA suite: models, checkpoints, training, and the policy node.',
    license='Apache-2.0',
    entry_points={'console_scripts': ['policy = vla_policy.ros.policy:main']},
)
